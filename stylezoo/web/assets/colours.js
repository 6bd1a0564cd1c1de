// The palette of a style image, as stylezoo.images.color has it: a result's colours are brought to its mean and
// covariance by the linear map that moves them least.

export const SHARE = 0.75, STRETCH = 4;  // how far colours go, and the most that any direction of them is stretched
const NOISE = 255 ** -2;  // variance of one 8-bit step: below is rounding, which must not become colour

// Mean (3) and covariance (9) of the top left width x height colours of planes.
export function statistics(planes, W, H, width, height) {
  const area = W * H, count = width * height, sums = new Float64Array(3), products = new Float64Array(9);
  for (let y = 0; y < height; y++)
    for (let at = y * W, end = at + width; at < end; at++)
      for (let i = 0; i < 3; i++) {
        const value = planes[at + i * area];
        sums[i] += value;
        for (let j = i; j < 3; j++) products[3 * i + j] += value * planes[at + j * area];
      }
  const mean = sums.map(sum => sum / count), spread = new Float64Array(9);
  for (let i = 0; i < 3; i++)
    for (let j = i; j < 3; j++) spread[3 * i + j] = spread[3 * j + i] = products[3 * i + j] / count - mean[i] * mean[j];
  return { mean, spread };
}

// Palettes [[palette, weight], ...] -> the mean of those that are known, by weights, and their weight in all.
export function mixPalettes(parts) {
  const sum = (parts, value) => parts.reduce((total, part) => total + value(part), 0), weigh = ([, weight]) => weight;
  const known = parts.filter(([palette, weight]) => palette && weight > 0), total = sum(known, weigh);
  if (!known.length) return null;
  const mixed = key => known[0][0][key].map((_, i) => sum(known, ([palette, weight]) => palette[key][i] * weight) / total);
  return { mean: mixed("mean"), spread: mixed("spread"), weight: total / sum(parts, weigh) };
}

// Bring the colours of planes, in place, to a palette.
export function recolour(planes, W, H, width, height, palette, share) {
  const { mean, spread } = statistics(planes, W, H, width, height), area = W * H;
  const root = power(spread, value => Math.sqrt(Math.max(value, NOISE)));
  const inverse = power(spread, value => 1 / Math.sqrt(Math.max(value, NOISE)));
  const inner = power(product(product(root, palette.spread), root), value => Math.sqrt(Math.max(value, 0)));
  const transport = power(product(product(inverse, inner), inverse), value => Math.min(value, STRETCH));
  const matrix = transport.map((value, i) => share * value + (i % 4 ? 0 : 1 - share));
  const shift = [0, 1, 2].map(i => share * (palette.mean[i] - [0, 1, 2].reduce((sum, j) => sum + transport[3 * i + j] * mean[j], 0)));
  for (let at = 0; at < area; at++) {
    const r = planes[at], g = planes[at + area], b = planes[at + 2 * area];
    for (let i = 0; i < 3; i++) {
      const value = matrix[3 * i] * r + matrix[3 * i + 1] * g + matrix[3 * i + 2] * b + shift[i];
      planes[at + i * area] = Math.min(1, Math.max(0, value));
    }
  }
  return planes;
}

const product = (a, b) => Float64Array.from({ length: 9 }, (_, at) => {
  const row = 3 * Math.floor(at / 3), column = at % 3;
  return a[row] * b[column] + a[row + 1] * b[column + 3] + a[row + 2] * b[column + 6];
});

// The symmetric matrix with the eigenvectors of one, and its eigenvalues changed; by Jacobi's rotations.
function power(matrix, change) {
  const a = Float64Array.from(matrix), vectors = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  for (let sweep = 0; sweep < 12; sweep++)
    for (const [p, q] of [[0, 1], [0, 2], [1, 2]]) {
      if (a[3 * p + q] === 0) continue;
      const angle = 0.5 * Math.atan2(2 * a[3 * p + q], a[4 * q] - a[4 * p]), c = Math.cos(angle), s = Math.sin(angle);
      for (let k = 0; k < 3; k++) rotate(a, 3 * k + p, 3 * k + q, c, s);
      for (let k = 0; k < 3; k++) rotate(a, 3 * p + k, 3 * q + k, c, s);
      for (let k = 0; k < 3; k++) rotate(vectors, 3 * k + p, 3 * k + q, c, s);
    }
  const values = [0, 1, 2].map(i => change(a[4 * i]));
  return Float64Array.from({ length: 9 }, (_, at) => {
    const i = 3 * Math.floor(at / 3), j = 3 * (at % 3);
    return [0, 1, 2].reduce((sum, k) => sum + vectors[i + k] * values[k] * vectors[j + k], 0);
  });
}

function rotate(x, i, j, c, s) {
  [x[i], x[j]] = [c * x[i] - s * x[j], s * x[i] + c * x[j]];
}
