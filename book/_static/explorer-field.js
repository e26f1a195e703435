/* Receptive fields of the book's networks, by the usual recurrence over their layers.

   Nothing here touches the page: the tests run this file by itself and compare it with rflib for everything that
   `options` offers. Settings have the names and meanings of rflib's ModelConfig; lengths are in input pixels. */
"use strict";

globalThis.rfField = (() => {
  const options = {
    pool_kernel: [1, 2, 3, 4, 5, 6, 8, 13, 18, 30],
    pool_stride: [null, 1, 2, 3, 4], // null: the kernel
    pool_dilation: [1, 2],
    ceil_mode: [null, false, true], // null: the architecture's own reading
    map_size: ["shrinking", "padded", "dilated"],
    image_size: [32, 48, 64, 96, 128, 224],
  };

  const defaults = {
    architecture: "rf_vgg19",
    pool_kernel: 1,
    pool_stride: null,
    pool_dilation: 1,
    ceil_mode: null,
    map_size: "shrinking",
    image_size: 32,
  };

  /* Layers: a sliding window, zero padding, or a block whose branches are added. */

  function convolution(name, kernel, { stride = 1, dilation = 1, padding = (kernel >> 1) * dilation } = {}) {
    return { name, operation: "conv2d", kernel, stride, dilation, padding };
  }

  function pool(name, kernel, stride, { dilation = 1, padding = 0, ceil = false } = {}) {
    return { name, operation: "max_pool2d", kernel, stride, dilation, padding, ceil };
  }

  /* `total` gives the number of added rows from the map's side; the odd one comes at the end. */
  function zeroPadding(name, total) {
    return { name, operation: "pad", kernel: 1, stride: 1, dilation: 1, total };
  }

  /* What the pool after the first convolution does to itself and to all later layers. */
  function knobOf(settings, ownCeil) {
    const dilated = settings.map_size === "dilated";
    return {
      kernel: settings.pool_kernel,
      stride: dilated ? 1 : settings.pool_stride ?? settings.pool_kernel,
      dilation: settings.pool_dilation,
      ceil: settings.ceil_mode ?? ownCeil,
      padded: settings.map_size === "padded",
      laterDilation: dilated ? settings.pool_kernel : 1,
    };
  }

  function knobPool(name, knob) {
    const overhang = (knob.kernel - 1) * (knob.dilation - 1);
    const layers = [pool(`${name}.pool`, knob.kernel, knob.stride, knob)];
    if (knob.kernel === 1) return layers;
    if (knob.padded) layers.unshift(zeroPadding(name, (size) => (knob.kernel - 1) * size + overhang));
    else if (knob.stride === 1) layers.unshift(zeroPadding(name, () => (knob.kernel - 1) * knob.dilation));
    return layers;
  }

  function halvingPool(name, knob) {
    const halving = pool(`${name}.pool`, 2, 2, { dilation: knob.laterDilation, ceil: knob.ceil });
    return knob.laterDilation === 1 ? [halving] : [zeroPadding(name, () => knob.laterDilation - 1), halving];
  }

  /* A VGG: 3×3 convolutions, each with its norm and activation; pools after the stages in `halved`. */
  function vgg(stages, halved, knob = null) {
    const layers = [];
    let place = 0;
    stages.forEach((count, stage) => {
      for (let layer = 0; layer < count; layer += 1) {
        const first = place === 0;
        layers.push(convolution(`features.${place}`, 3, { dilation: knob && !first ? knob.laterDilation : 1 }));
        place += 3;
        if (knob && first) layers.push(...knobPool(`features.${place++}`, knob));
      }
      if (!halved.includes(stage + 1)) return;
      layers.push(...(knob ? halvingPool(`features.${place}`, knob) : [pool(`features.${place}`, 2, 2)]));
      place += 1;
    });
    return layers;
  }

  function basicBlock(name, stride, _dilation, { skips = true }) {
    const main = [convolution(`${name}.conv1`, 3, { stride }), convolution(`${name}.conv2`, 3)];
    if (!skips) return main;
    return [{ name, main, shortcut: stride === 1 ? [] : [convolution(`${name}.downsample.0`, 1, { stride })] }];
  }

  function bottleneck(name, stride, dilation, { shortcutFirst = false }) {
    const main = [
      convolution(`${name}.conv1`, 1),
      convolution(`${name}.conv2`, 3, { stride, dilation }),
      convolution(`${name}.conv3`, 1),
    ];
    const projects = name.endsWith(".0"); // the first block of a stage changes the number of channels
    const shortcut = projects ? [convolution(`${name}.downsample.0`, 1, { stride })] : [];
    return [{ name, main, shortcut, shortcutFirst }];
  }

  function resnet(blocks, block, stem, { dilation = 1, ...style } = {}) {
    const layers = [...stem];
    blocks.forEach((count, stage) => {
      for (let index = 0; index < count; index += 1) {
        const stride = index === 0 && stage > 0 ? 2 : 1;
        layers.push(...block(`layer${stage + 1}.${index}`, stride, dilation, style));
      }
    });
    return layers;
  }

  function rfResnet(blocks, knob) {
    const stem = [convolution("conv1", 3), ...knobPool("maxpool", knob)];
    return resnet(blocks, bottleneck, stem, { dilation: knob.laterDilation, shortcutFirst: true });
  }

  const ALL_STAGES = [1, 2, 3, 4, 5];
  const STEM = [convolution("conv1", 7, { stride: 2 }), pool("maxpool", 3, 2, { padding: 1 })];
  const ALEXNET = [
    convolution("features.0", 11, { stride: 4, padding: 2 }),
    pool("features.2", 3, 2),
    convolution("features.3", 5),
    pool("features.5", 3, 2),
    ...[6, 8, 10].map((place) => convolution(`features.${place}`, 3)),
    pool("features.12", 3, 2),
  ];

  /* Those with a knob take it; `ownCeil` is their reading of ceil_mode. */
  const architectures = {
    rf_vgg19: { hasKnob: true, layers: (knob) => vgg([2, 2, 4, 4, 4], [1, 2, 3], knob) },
    rf_resnet50: { hasKnob: true, layers: (knob) => rfResnet([3, 4, 6, 3], knob) },
    rf_vgg16: { hasKnob: true, ownCeil: true, layers: (knob) => vgg([2, 2, 3, 3, 3], [1, 2, 3, 4], knob) },
    rf_resnet26: { hasKnob: true, layers: (knob) => rfResnet([2, 2, 2, 2], knob) },
    vgg11: { layers: () => vgg([1, 1, 2, 2, 2], ALL_STAGES) },
    vgg13: { layers: () => vgg([2, 2, 2, 2, 2], ALL_STAGES) },
    vgg16: { layers: () => vgg([2, 2, 3, 3, 3], ALL_STAGES) },
    vgg19: { layers: () => vgg([2, 2, 4, 4, 4], ALL_STAGES) },
    resnet18: { layers: () => resnet([2, 2, 2, 2], basicBlock, STEM) },
    resnet18_no_skips: { layers: () => resnet([2, 2, 2, 2], basicBlock, STEM, { skips: false }) },
    resnet18_no_stem: { layers: () => resnet([2, 2, 2, 2], basicBlock, [convolution("conv1", 3)]) },
    resnet34: { layers: () => resnet([3, 4, 6, 3], basicBlock, STEM) },
    resnet50: { layers: () => resnet([3, 4, 6, 3], bottleneck, STEM) },
    alexnet: { layers: () => ALEXNET },
  };

  /* What the units of a map see along one axis: unit i sees pixels start + i × stride to end + i × stride over all
     paths together, and `smallest` pixels over its shortest path; `size` is the number of units. */
  const pixels = (imageSize) => ({ start: 0, end: 0, smallest: 1, stride: 1, size: imageSize });

  const largest = (axis) => axis.end - axis.start + 1;

  function slid(axis, layer) {
    const reach = layer.dilation * (layer.kernel - 1) * axis.stride;
    const start = axis.start - layer.padding * axis.stride;
    return {
      start,
      end: axis.end - layer.padding * axis.stride + reach,
      smallest: axis.smallest + reach,
      stride: axis.stride * layer.stride,
      size: sizeAfter(axis.size, layer),
    };
  }

  /* As torch counts: with `ceil` the last window may be incomplete, but it must begin inside the map. */
  function sizeAfter(size, { kernel, stride, padding, dilation, ceil }) {
    const steps = (size + 2 * padding - dilation * (kernel - 1) - 1) / stride;
    const units = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return ceil && (units - 1) * stride >= size + padding ? units - 1 : units;
  }

  function padded(axis, layer) {
    const total = layer.total(axis.size);
    const before = (total >> 1) * axis.stride;
    return { ...axis, start: axis.start - before, end: axis.end - before, size: axis.size + total };
  }

  function united(one, other) {
    return {
      ...one,
      start: Math.min(one.start, other.start),
      end: Math.max(one.end, other.end),
      smallest: Math.min(one.smallest, other.smallest),
    };
  }

  function described(layer, before, after, inputMax = largest(before)) {
    return {
      name: layer.name,
      operation: layer.operation,
      kernel: layer.kernel,
      dilation: layer.dilation,
      step: layer.stride,
      r_min: after.smallest,
      r_max: largest(after),
      stride: after.stride,
      offset: after.start,
      map_size: after.size,
      input_r_min: before.smallest,
      input_r_max: inputMax,
      input_stride: before.stride,
    };
  }

  /* Appends what `layers` do to `axis` to `found` and returns the axis behind them, or the layer without pixels. */
  function walk(layers, axis, found) {
    for (const layer of layers) {
      const after = layer.main ? added(layer, axis, found) : layer.total ? padded(axis, layer) : slid(axis, layer);
      if (after.failed) return after;
      if (after.size < 1) return { failed: layer.name };
      // Padding at the end alone moves no field, and rflib counts it as no layer.
      const counts = layer.total ? after.start !== axis.start : !layer.main;
      if (counts) found.push(described(layer, axis, after));
      axis = after;
    }
    return axis;
  }

  function added(block, axis, found) {
    const order = block.shortcutFirst ? ["shortcut", "main"] : ["main", "shortcut"];
    const ends = {};
    for (const branch of order) {
      ends[branch] = walk(block[branch], axis, found);
      if (ends[branch].failed) return ends[branch];
    }
    const sum = united(ends.main, ends.shortcut);
    const layer = { name: block.name, operation: "add", kernel: 1, stride: 1, dilation: 1 };
    // A sum widens nothing: what enters it is what leaves it, and the input that sees least has the smaller largest.
    found.push(described(layer, sum, sum, Math.min(largest(ends.main), largest(ends.shortcut))));
    return sum;
  }

  /* The first convolution whose input, a field of this name, has already seen the whole image: Richter et al.'s rule. */
  function paperBorder(layers, imageSize, field) {
    return layers.find((layer) => layer.operation === "conv2d" && layer[field] > imageSize) ?? null;
  }

  /* rfa_toolbox: the first layer that outgrows an image its input has reached, or whose window covers the map. */
  function toolboxBorder(layers, imageSize) {
    return (
      layers.find((layer) => {
        const window = Math.max(1, (layer.r_min - layer.input_r_min) / layer.input_stride + 1);
        const outgrows = layer.input_r_min >= imageSize && layer.r_min > imageSize;
        return outgrows || Math.floor(imageSize / layer.input_stride) <= window;
      }) ?? null
    );
  }

  /* Why settings describe no network, or null. */
  function refusal(settings) {
    const { hasKnob } = architectures[settings.architecture];
    const knob = ["pool_kernel", "pool_stride", "pool_dilation", "ceil_mode", "map_size"];
    if (!hasKnob && knob.some((name) => settings[name] !== defaults[name])) {
      return `${settings.architecture} has no pool that sets its field; the networks named rf_ have one.`;
    }
    const stride = settings.pool_stride ?? settings.pool_kernel;
    if (settings.map_size !== "shrinking" && stride !== settings.pool_kernel) {
      return `Maps that are ${settings.map_size} keep their size by the pool's kernel: its stride must equal it.`;
    }
    return null;
  }

  /* Returns {layers, borders, refused, failed}: the layers with a bounded field in order of execution, the border layers
     over the shortest and over all paths and by the toolbox's rule (null where there is none), why the settings are
     refused, and the name of the layer without pixels. */
  function analyse(settings) {
    const refused = refusal(settings);
    const layers = [];
    let failed = null;
    if (!refused) {
      const { ownCeil = false, layers: layersOf } = architectures[settings.architecture];
      failed = walk(layersOf(knobOf(settings, ownCeil)), pixels(settings.image_size), layers).failed ?? null;
    }
    const borders = {
      smallest: paperBorder(layers, settings.image_size, "input_r_min"),
      largest: paperBorder(layers, settings.image_size, "input_r_max"),
      toolbox: toolboxBorder(layers, settings.image_size),
    };
    return { layers, borders, refused, failed };
  }

  return { options, defaults, architectures, analyse };
})();
