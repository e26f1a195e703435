/* The receptive-field explorer: controls, pictures and table around what explorer-field.js computes.

   It takes the place of the static figure in #rf-explorer and does nothing on pages without one. The view is kept in the
   address, so that it can be linked to: #architecture=rf_resnet50&pool_kernel=2&layer=12. */
"use strict";

(() => {
  const { options, defaults, architectures, analyse } = globalThis.rfField;
  const { overImage, growth, halfShown, firstShown } = globalThis.rfPicture;

  const LABELS = {
    architecture: "Network",
    pool_kernel: "Pool kernel k",
    pool_stride: "Pool stride",
    pool_dilation: "Pool dilation",
    map_size: "Later maps",
    ceil_mode: "Incomplete windows",
    image_size: "Image side (px)",
  };
  const WORDS = {
    pool_stride: { null: "k, as the kernel" },
    map_size: { shrinking: "shrink (paper)", padded: "kept by padding", dilated: "kept by dilation" },
    ceil_mode: { null: "network’s own", false: "dropped", true: "counted (ceil)" },
  };
  const KINDS = { conv2d: "convolution", max_pool2d: "pool", pad: "zero padding", add: "sum of branches" };
  const COLUMNS = ["Layer", "Kind", "Kernel", "Stride", "r_min (px)", "r_max (px)", "Map"];
  const NEEDS_NO_KNOB = ["architecture", "image_size"];
  const ZOOM_MS = 200;

  const stillness = globalThis.matchMedia("(prefers-reduced-motion: reduce)");

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  /* Words for one layer. */

  const isWindow = (layer) => layer.operation === "conv2d" || layer.operation === "max_pool2d";

  function kind(layer) {
    if (!isWindow(layer)) return KINDS[layer.operation];
    const dilated = layer.dilation > 1 ? `, dilation ${layer.dilation}` : "";
    return `${layer.kernel}×${layer.kernel} ${KINDS[layer.operation]}${dilated}`;
  }

  function extent(layer) {
    return layer.r_min < layer.r_max ? `${layer.r_max} px, ${layer.r_min} px over the shortest path` : `${layer.r_max} px`;
  }

  function described(analysis, index, imageSize) {
    const layer = analysis.layers[index];
    if (!layer) return `The image: ${imageSize}×${imageSize} pixels. One step shows the first layer.`;
    const place = `Layer ${index + 1} of ${analysis.layers.length}, ${layer.name} (${kind(layer)})`;
    const map = `a unit in the middle of its map of ${layer.map_size}×${layer.map_size}`;
    const share = Math.round((100 * layer.r_max) / imageSize);
    const seen = `sees a square of ${extent(layer)}; the side is ${share} % of the image's.`;
    const late = layer.operation === "conv2d" && layer.input_r_min > imageSize;
    return `${place}: ${map} ${seen}${late ? " Its input had already seen the whole image: it is unproductive." : ""}`;
  }

  function judged(analysis, settings) {
    if (analysis.failed) {
      const found = `Images of ${settings.image_size} pixels are too small: ${analysis.failed} runs out of pixels.`;
      return `${found} Take a larger image or a smaller kernel.`;
    }
    const { smallest } = analysis.borders;
    return smallest ? `The border layer is ${smallest.name}.` : "No layer is unproductive: there is no border layer.";
  }

  /* The view in the address. */

  function fromAddress() {
    const given = new URLSearchParams(globalThis.location.hash.slice(1));
    const settings = { ...defaults };
    if (given.get("architecture") in architectures) settings.architecture = given.get("architecture");
    for (const [name, values] of Object.entries(options)) {
      const value = values.find((each) => String(each) === given.get(name));
      if (value !== undefined) settings[name] = value;
    }
    const layer = Number.parseInt(given.get("layer"), 10);
    return { settings: applicable(settings), index: Number.isNaN(layer) ? null : layer - 1 };
  }

  function address(settings, index) {
    const named = Object.entries(settings).filter(([name, value]) => value !== defaults[name]);
    return `#${new URLSearchParams([...named, ["layer", index + 1]])}`;
  }

  /* What has no meaning for a network, or beside the other settings, is back at its default. */
  function applicable(settings) {
    const { architecture, image_size: side } = settings;
    if (!architectures[architecture].hasKnob) return { ...defaults, architecture, image_size: side };
    return settings.map_size === "shrinking" ? settings : { ...settings, pool_stride: null };
  }

  function isOpen(name, settings) {
    if (NEEDS_NO_KNOB.includes(name)) return true;
    const { hasKnob } = architectures[settings.architecture];
    return Boolean(hasKnob) && (name !== "pool_stride" || settings.map_size === "shrinking");
  }

  /* The parts of the page. */

  function choice(name, values, onChange) {
    const entries = values.map((value) => make("option", { value }, WORDS[name]?.[value] ?? String(value)));
    const select = make("select", { id: `explorer-${name}`, name }, ...entries);
    select.addEventListener("change", () => onChange(name, values[select.selectedIndex]));
    return { select, field: make("div", {}, make("label", { for: select.id }, LABELS[name]), select) };
  }

  function table() {
    const heads = COLUMNS.map((title) => make("th", { scope: "col" }, title));
    const body = make("tbody");
    const caption = make("caption", {}, "Layers with a bounded field, in order of execution.");
    const content = make("table", { class: "table" }, caption, make("thead", {}, make("tr", {}, ...heads)), body);
    const frame = { class: "explorer-table", tabindex: "0", role: "region", "aria-label": "Table of layers" };
    return { body, frame: make("div", frame, content) };
  }

  function row(layer, isBorder) {
    const window = isWindow(layer) ? [layer.kernel, layer.step] : ["", ""];
    const map = `${layer.map_size}×${layer.map_size}`;
    const cells = [kind(layer), ...window, layer.r_min, layer.r_max, map].map((each) => make("td", {}, String(each)));
    return make("tr", isBorder ? { class: "border-layer" } : {}, make("th", { scope: "row" }, layer.name), ...cells);
  }

  function facts(pairs) {
    return pairs.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, String(value))]);
  }

  class Explorer {
    constructor(place) {
      this.choices = new Map();
      for (const [name, values] of Object.entries({ architecture: Object.keys(architectures), ...options })) {
        this.choices.set(name, choice(name, values, (...change) => this.set(...change)));
      }
      this.slider = make("input", { type: "range", id: "explorer-layer", min: "0", step: "1" });
      this.slider.addEventListener("input", () => this.show(Number(this.slider.value) - 1));
      this.player = make("button", { type: "button" }, "Play");
      this.player.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
      this.status = make("p", { role: "status" });
      this.image = make("div");
      this.growth = make("div");
      this.facts = make("dl");
      this.table = table();
      place.replaceChildren(...this.parts());
      // Headings have addresses too, and a click on one must not lose the view.
      globalThis.addEventListener("hashchange", () => globalThis.location.hash.includes("=") && this.open(fromAddress()));
      this.open(fromAddress());
    }

    parts() {
      const fields = [...this.choices.values()].map(({ field }) => field);
      const label = make("label", { for: this.slider.id }, "Layer, from the image to the last");
      return [
        make("div", { class: "explorer-controls", role: "group", "aria-label": "Network and image" }, ...fields),
        make("div", { class: "explorer-steps" }, make("div", {}, label, this.slider), this.back(), this.forth(), this.player),
        this.status,
        make("div", { class: "explorer-pictures" }, this.image, make("div", {}, this.growth, this.facts)),
        this.table.frame,
      ];
    }

    back() {
      return this.stepper("Previous layer", "←", -1);
    }

    forth() {
      return this.stepper("Next layer", "→", 1);
    }

    stepper(name, sign, by) {
      const button = make("button", { type: "button", "aria-label": name, title: name }, sign);
      button.addEventListener("click", () => this.show(this.index + by));
      return button;
    }

    /* A view from the address is shown and not written back; one without a layer begins where the book's question does. */
    open({ settings, index }) {
      this.stop();
      this.compute(settings);
      this.draw(this.within(index ?? firstShown(this.analysis)));
    }

    set(name, value) {
      this.stop();
      const atEnd = this.index === this.analysis.layers.length - 1;
      this.compute(applicable({ ...this.settings, [name]: value }));
      this.show(atEnd ? Infinity : this.index);
    }

    show(index) {
      this.draw(this.within(index));
      globalThis.history.replaceState(null, "", address(this.settings, this.index));
    }

    within(index) {
      return Math.max(-1, Math.min(index, this.analysis.layers.length - 1));
    }

    /* What depends on the settings alone. */
    compute(settings) {
      this.settings = settings;
      this.analysis = analyse(settings);
      const { layers, borders } = this.analysis;
      for (const [name, { select }] of this.choices) {
        select.value = String(settings[name]);
        select.disabled = !isOpen(name, settings);
      }
      this.slider.max = String(layers.length);
      this.table.body.replaceChildren(...layers.map((layer) => row(layer, layer === borders.smallest)));
    }

    /* What depends on the layer too. */
    draw(index) {
      const { analysis, settings } = this;
      const layer = analysis.layers[index];
      this.index = index;
      this.slider.value = String(index + 1);
      this.slider.setAttribute("aria-valuetext", layer ? `${layer.name}: ${layer.r_max} pixels` : "the image");
      this.status.textContent = `${described(analysis, index, settings.image_size)} ${judged(analysis, settings)}`;
      this.growth.innerHTML = growth(analysis, index, settings.image_size);
      this.facts.replaceChildren(...facts(this.numbers(layer)));
      this.zoom(halfShown(layer, settings.image_size));
      this.mark(index);
    }

    numbers(layer) {
      const { smallest, largest, toolbox } = this.analysis.borders;
      const name = (border) => border?.name ?? "none";
      const borders = [
        ["Border layer", name(smallest)],
        ["… over all paths", name(largest)],
        ["… by the toolbox", name(toolbox)],
      ];
      if (!layer) return borders;
      const map = `${layer.map_size}×${layer.map_size}, a unit every ${layer.stride} px`;
      return [["Field", extent(layer)], ["Map", map], ...borders];
    }

    mark(index) {
      this.table.body.querySelector("[aria-current]")?.removeAttribute("aria-current");
      const current = this.table.body.rows[index];
      if (!current) return;
      current.setAttribute("aria-current", "true");
      const { frame } = this.table;
      const below = current.offsetTop + current.offsetHeight - frame.clientHeight;
      if (frame.scrollTop < below || frame.scrollTop > current.offsetTop) frame.scrollTop = below;
    }

    /* Shows `half` pixels around the middle: at once, or where motion is welcome within a moment. */
    zoom(half) {
      const from = this.half ?? half;
      const start = performance.now();
      cancelAnimationFrame(this.frame);
      const step = (now) => {
        const done = stillness.matches || from === half ? 1 : Math.min(1, Math.max(0, (now - start) / ZOOM_MS));
        this.half = from * (half / from) ** done;
        this.image.innerHTML = overImage(this.analysis, this.index, this.settings.image_size, this.half);
        if (done < 1) this.frame = requestAnimationFrame(step);
      };
      step(start);
    }

    /* From the image to the last layer, slower where motion is not welcome; a listener is told the end alone. */
    play() {
      if (this.index === this.analysis.layers.length - 1) this.show(-1);
      this.status.setAttribute("aria-live", "off");
      this.player.textContent = "Pause";
      this.timer = setInterval(() => {
        if (this.index === this.analysis.layers.length - 2) this.stop();
        this.show(this.index + 1);
      }, stillness.matches ? 1500 : 600);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.player.textContent = "Play";
      this.status.setAttribute("aria-live", "polite");
    }
  }

  const place = document.getElementById("rf-explorer");
  if (place) new Explorer(place);
})();
