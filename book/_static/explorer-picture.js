/* The explorer's two pictures as SVG text: the field over the image, and its growth from layer to layer.

   Nothing here touches the page either: the static figure that stands where scripts are off is made by the same code. */
"use strict";

globalThis.rfPicture = (() => {
  const SIDE = 400;
  const CHART = { width: 400, height: 200, left: 44, right: 10, top: 26, bottom: 18 };
  const CLOSEST = 5; // earlier fields nearer to each other than this, in units of the picture, would merge into a blot

  const number = (value) => String(Math.round(value * 100) / 100);

  function element(name, attributes, content = "") {
    const text = Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`);
    return `<${name}${text.join("")}>${content}</${name}>`;
  }

  function square(kind, centre, side) {
    const corner = number(centre - side / 2);
    return element("rect", { class: kind, x: corner, y: corner, width: number(side), height: number(side) });
  }

  /* A landscape in the unit square: what it shows does not matter, only how much of it a unit sees. */
  const SCENE = [
    element("path", { fill: "#a9d3f2", d: "M0 0h1v1h-1z" }),
    element("circle", { fill: "#ffe08a", cx: 0.78, cy: 0.2, r: 0.09 }),
    element("path", { fill: "#8fa7bd", d: "M0 .6L.2 .34L.36 .52L.56 .26L.84 .56L1 .44V1H0z" }),
    element("path", { fill: "#6fa35b", d: "M0 .66Q.3 .52 .58 .64T1 .6V1H0z" }),
    element("path", { fill: "#4d8544", d: "M0 .82Q.4 .7 1 .84V1H0z" }),
    element("path", { fill: "#f4ead8", d: "M.4 .5h.22v.2h-.22z" }),
    element("path", { fill: "#b4513d", d: "M.37 .51L.51 .37L.65 .51z" }),
    element("path", { fill: "#6b4a35", d: "M.47 .58h.07v.12h-.07zM.185 .66h.03v.14h-.03z" }),
    element("path", { fill: "#2f6b3c", d: "M.2 .38L.32 .68H.08z" }),
  ].join("");

  function image(imageSize, scale) {
    const side = imageSize * scale;
    const corner = number((SIDE - side) / 2);
    const scene = element("g", { transform: `translate(${corner} ${corner}) scale(${number(side)})` }, SCENE);
    return scene + (scale >= 6 ? grid(imageSize, scale) : "") + square("image", SIDE / 2, side);
  }

  function grid(imageSize, scale) {
    const [from, to] = [-1, 1].map((sign) => SIDE / 2 + (sign * imageSize * scale) / 2);
    const lines = Array.from({ length: imageSize - 1 }, (_, index) => number(from + (index + 1) * scale));
    const path = lines.map((at) => `M${at} ${number(from)}V${number(to)}M${number(from)} ${at}H${number(to)}`);
    return element("path", { class: "grid", d: path.join("") });
  }

  /* Where the field of a layer's middle unit is centred, in pixels from the middle of the image. */
  function centreOf(layer, imageSize) {
    const first = layer.offset + (layer.r_max - 1) / 2;
    return first + (layer.map_size >> 1) * layer.stride - (imageSize - 1) / 2;
  }

  /* The layer to begin with: the border layer, or the last one. */
  function firstShown({ layers, borders }) {
    return borders.smallest ? layers.indexOf(borders.smallest) : layers.length - 1;
  }

  /* Half the side, in pixels, of the square that is shown: the image and all of the field, with a margin. */
  function halfShown(layer, imageSize) {
    const reach = layer ? Math.abs(centreOf(layer, imageSize)) + layer.r_max / 2 : 0;
    return Math.max(0.575 * imageSize, 1.06 * reach);
  }

  /* The image and on it the fields up to the layer at `index`; `half` pixels from the middle to the edges. */
  function overImage({ layers }, index, imageSize, half = halfShown(layers[index], imageSize)) {
    const scale = SIDE / 2 / half;
    const layer = layers[index];
    const parts = [image(imageSize, scale)];
    if (layer) {
      const centre = SIDE / 2 + centreOf(layer, imageSize) * scale;
      parts.push(...earlier(layers.slice(0, index), layer, centre, scale));
      parts.push(square("field", centre, layer.r_max * scale), square("casing", centre, layer.r_max * scale));
      parts.push(square("outline", centre, layer.r_max * scale));
      if (layer.r_min < layer.r_max) {
        parts.push(square("casing", centre, layer.r_min * scale), square("shortest", centre, layer.r_min * scale));
      }
    }
    const label = layer
      ? `The image, a square of ${imageSize} pixels, and the field of ${layer.name}, a square of ${layer.r_max} pixels.`
      : `The image, a square of ${imageSize} pixels.`;
    return svg("explorer-image", SIDE, SIDE, label, parts);
  }

  function earlier(before, layer, centre, scale) {
    const parts = [];
    let last = layer.r_max;
    for (const { r_max: side } of [...before].reverse()) {
      if ((last - side) * scale < CLOSEST) continue;
      parts.push(square("earlier", centre, side * scale));
      last = side;
    }
    return parts;
  }

  /* The field against the layers, on a logarithmic axis, with the image's side and the border layer. */
  function growth({ layers, borders }, index, imageSize) {
    if (layers.length === 0) return "";
    const octaves = Math.ceil(Math.log2(Math.max(imageSize, ...layers.map((layer) => layer.r_max)) + 1));
    const floor = CHART.height - CHART.bottom;
    const across = (CHART.width - CHART.left - CHART.right) / layers.length;
    const x = (place) => number(CHART.left + (place + 0.5) * across);
    const y = (side) => number(floor - (Math.log2(side) / octaves) * (floor - CHART.top));
    const curve = (kind, field) =>
      element("polyline", { class: kind, points: layers.map((layer, i) => `${x(i)},${y(layer[field])}`).join(" ") });
    const parts = [];
    for (let octave = 0; octave <= octaves; octave += octaves > 6 ? 2 : 1) {
      parts.push(level("grid", y(2 ** octave)));
      parts.push(label(CHART.left - 6, Number(y(2 ** octave)) + 4.5, "end", 2 ** octave));
    }
    parts.push(label(CHART.left - 6, 12, "end", "px"), label(CHART.width - CHART.right, CHART.height - 3, "end", "layers →"));
    parts.push(label(CHART.left + 3, Number(y(imageSize)) - 5, "start", "image"));
    parts.push(level("image", y(imageSize)), borderLine(layers, borders.smallest, across, floor));
    if (layers.some((layer) => layer.r_min < layer.r_max)) parts.push(curve("shortest", "r_min"));
    parts.push(curve("outline", "r_max"));
    if (layers[index]) parts.push(element("circle", { class: "unit", cx: x(index), cy: y(layers[index].r_max), r: 5 }));
    return svg("explorer-growth", CHART.width, CHART.height, growthText(layers, borders, imageSize), parts);
  }

  function level(kind, at) {
    return element("path", { class: kind, d: `M${CHART.left} ${at}H${CHART.width - CHART.right}` });
  }

  function label(x, y, anchor, content) {
    return element("text", { x: number(x), y: number(y), "text-anchor": anchor }, content);
  }

  function borderLine(layers, border, across, floor) {
    if (!border) return "";
    const at = CHART.left + layers.indexOf(border) * across;
    const [anchor, shift] = at > CHART.width / 2 ? ["end", -4] : ["start", 4];
    const line = element("path", { class: "border", d: `M${number(at)} 4V${floor}` });
    return line + label(at + shift, 14, anchor, `border: ${border.name}`);
  }

  function growthText(layers, borders, imageSize) {
    const last = layers[layers.length - 1];
    const border = borders.smallest ? `The border layer is ${borders.smallest.name}.` : "There is no border layer.";
    return `The field grows from ${layers[0].r_max} to ${last.r_max} pixels; the image has ${imageSize}. ${border}`;
  }

  function svg(kind, width, height, text, parts) {
    const attributes = { class: kind, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text };
    return element("svg", attributes, parts.join(""));
  }

  return { overImage, growth, halfShown, firstShown };
})();
