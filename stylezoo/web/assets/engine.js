// The arithmetic around the nets, as stylezoo.runtime.render has it: padding, style rows, strength, bytes.

const MULTIPLE = 4, MINIMUM = 16;  // px: sides of a net's input
export const STYLE_SIDE = 256, SMALLEST_STYLE = 64;  // px: long and least side of a style image

const padded = side => Math.max(MINIMUM, Math.ceil(side / MULTIPLE) * MULTIPLE);

// Where the pixel at `place` comes from if `size` pixels are continued by reflection.
function reflected(place, size) {
  if (size === 1) return 0;
  const period = 2 * size - 2, at = place % period;
  return at < size ? at : period - at;
}

// RGBA bytes -> planes in [0, 1] over white, reflected to sides that the nets take.
export function toPlanes(data, width, height) {
  const W = padded(width), H = padded(height), area = W * H, planes = new Float32Array(3 * area);
  const columns = Int32Array.from({ length: W }, (_, x) => 4 * reflected(x, width));
  for (let y = 0, to = 0; y < H; y++) {
    const row = 4 * reflected(y, height) * width;
    for (let x = 0; x < W; x++, to++) {
      const from = row + columns[x], alpha = data[from + 3] / 65025, white = 1 - data[from + 3] / 255;
      planes[to] = alpha * data[from] + white;
      planes[to + area] = alpha * data[from + 1] + white;
      planes[to + 2 * area] = alpha * data[from + 2] + white;
    }
  }
  return { planes, W, H };
}

// Planes -> opaque RGBA bytes of the top left width x height pixels; `alpha` is RGBA whose alpha is kept.
export function toBytes(planes, W, H, width, height, alpha) {
  const area = W * H, bytes = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, to = 0; y < height; y++)
    for (let from = y * W, end = from + width; from < end; from++, to += 4) {
      bytes[to] = planes[from] * 255;  // which a clamped array rounds
      bytes[to + 1] = planes[from + area] * 255;
      bytes[to + 2] = planes[from + 2 * area] * 255;
      bytes[to + 3] = alpha[to + 3];
    }
  return bytes;
}

// Style rows [[row, weight], ...] -> their mean, by weights.
export function mixRows(parts) {
  const total = parts.reduce((sum, [, weight]) => sum + weight, 0), mixed = new Float32Array(parts[0][0].length);
  for (const [row, weight] of parts) for (let i = 0; i < mixed.length; i++) mixed[i] += row[i] * (weight / total);
  return mixed;
}

// A run of a net that looks twice, the second time at a picture shifted against the net's grid, and averages: this
// removes the woven pattern.
export function smoothed(run) {
  const by = MULTIPLE / 2;
  return async (planes, W, H, row) => {
    const first = await run(planes, W, H, row), wide = W + 2 * by, high = H + 2 * by;
    const moved = new Float32Array(3 * wide * high);
    const columns = Int32Array.from({ length: wide }, (_, x) => reflected(Math.abs(x - by), W));
    for (let y = 0, to = 0; y < 3 * high; y++) {
      const from = (Math.floor(y / high) * H + reflected(Math.abs(y % high - by), H)) * W;
      for (let x = 0; x < wide; x++) moved[to++] = planes[from + columns[x]];
    }
    const second = await run(moved, wide, high, row);
    for (let y = 0, to = 0; y < 3 * H; y++) {
      const from = (Math.floor(y / H) * high + y % H + by) * wide + by;
      for (let x = 0; x < W; x++, to++) first[to] = (first[to] + second[from + x]) / 2;
    }
    return first;
  };
}

// Stylize planes with a style's row. `net(planes, W, H, row)` computes it; `photoRow` is the row that gives the
// photo back, or null. Strength is from 0 (the photo) over 1 (the style) to more. `finish(planes, share)` changes the
// colours of a result.
export async function stylize(net, photo, row, photoRow, strength, finish = planes => planes) {
  const { planes, W, H } = photo, share = photoRow ? Math.min(strength, 1) : 1;
  const run = async (...inputs) => finish(await net(...inputs), share);
  if (strength === 0) return planes;
  if (strength === 1) return run(planes, W, H, row);
  if (!photoRow) {
    const stylized = await run(planes, W, H, row);
    return stylized.map((value, i) => clip(planes[i] + strength * (value - planes[i])));
  }
  const stylized = await run(planes, W, H, row.map((value, i) => photoRow[i] + strength * (value - photoRow[i])));
  if (strength > 1) return stylized;
  photo.again ??= new Map();  // by net: what its photo row makes of the photo does not depend on the style
  if (!photo.again.has(net)) photo.again.set(net, await net(planes, W, H, photoRow));
  const again = photo.again.get(net);
  return stylized.map((value, i) => clip(value + (1 - strength) * (planes[i] - again[i])));
}

const clip = value => Math.min(1, Math.max(0, value));
