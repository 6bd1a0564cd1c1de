// The nets: opens them when they are first needed, and runs them. Used by worker.js; also runs in Node.

import { mixPalettes, recolour, statistics, SHARE } from "./colours.js";
import { mixRows, smoothed, stylize, toBytes, toPlanes, SMALLEST_STYLE } from "./engine.js";

export class Nets {
  // `ort` is onnxruntime-web, `name` its backend; `read(path)` returns the bytes of a file of the site.
  constructor({ ort, name }, read, models) {
    Object.assign(this, { ort, options: { executionProviders: [name] }, read, models: new Map(models.map(model => [model.name, { ...model }])) });
    this.opened = new Map();
    this.photo = null;  // the last photo, with what was computed of it
  }

  async open(path) {
    if (!this.opened.has(path))
      this.opened.set(path, this.read(path).then(bytes => this.ort.InferenceSession.create(bytes, this.options)));
    return this.opened.get(path);
  }

  async rows(model) {
    model.table ??= new Float32Array((await this.read(model.rows)).slice(0).buffer);
    return index => model.table.subarray(index * model.width, (index + 1) * model.width);
  }

  // How to compute a net: once, and smooth.
  async runners(model) {
    const session = await this.open(model.graph);
    const once = async (planes, W, H, row) => {
      const image = new this.ort.Tensor("float32", planes, [1, 3, H, W]);
      const { result } = await session.run({ image, affine: new this.ort.Tensor("float32", row, [1, row.length]) });
      return result.data;
    };
    return (model.runners ??= { once, smooth: smoothed(once) });
  }

  // The row and the palette of a style image, RGBA bytes.
  async encode(name, data, width, height) {
    if (Math.min(width, height) < SMALLEST_STYLE) throw new Error("The style image is too narrow.");
    const session = await this.open(this.models.get(name).encoder), area = width * height;
    const image = new Float32Array(3 * area);
    for (let i = 0; i < area; i++) {
      const alpha = data[4 * i + 3] / 255;
      for (let c = 0; c < 3; c++) image[c * area + i] = alpha * data[4 * i + c] / 255 + 1 - alpha;
    }
    const { result } = await session.run({ image: new this.ort.Tensor("float32", image, [1, 3, height, width]) });
    return { row: result.data, palette: statistics(image, width, height, width, height) };
  }

  // RGBA bytes -> RGBA bytes. `mix` is [[a row's number in the table, or what `encode` returned, weight], ...].
  async stylize(name, data, width, height, mix, strength, smooth) {
    const model = this.models.get(name), rowAt = await this.rows(model);
    const { [smooth ? "smooth" : "once"]: run } = await this.runners(model);
    const named = row => ({ row: rowAt(row), palette: model.styles.find(style => style.row === row)?.palette });
    const known = mix.map(([style, weight]) => [typeof style === "number" ? named(style) : style, weight]);
    const row = mixRows(known.map(([style, weight]) => [style.row, weight]));
    const palette = mixPalettes(known.map(([style, weight]) => [style.palette, weight]));
    if (this.photo?.data !== data) this.photo = { data, ...toPlanes(data, width, height) };
    const photoRow = model.photo === null ? null : rowAt(model.photo);
    const { W, H } = this.photo;
    const finish = (planes, share) => palette ? recolour(planes, W, H, width, height, palette, SHARE * share * palette.weight) : planes;
    const planes = await stylize(run, this.photo, row, photoRow, strength, finish);
    return toBytes(planes, W, H, width, height, data);
  }
}
