/* Turns the frames of a figure (rflib.paper.slider) into one picture with a slider. Without scripts one frame is shown
   and the others can be unfolded. */
"use strict";

(() => {
  function withText(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  function enhance(place, index) {
    const frames = [...place.querySelectorAll("figure")].sort((one, other) => one.dataset.place - other.dataset.place);
    if (frames.length < 2) return;
    const name = place.dataset.parameter;
    const title = `${name[0].toUpperCase()}${name.slice(1)}`;
    const ends = [frames[0], frames[frames.length - 1]].map((frame) => frame.dataset.label);
    const label = withText("label", `${title}, from ${ends[0]} to ${ends[1]}`);
    const slider = document.createElement("input");
    const words = withText("output", "");
    label.htmlFor = slider.id = `frames-${index}`;
    words.htmlFor.add(slider.id);
    Object.assign(slider, { type: "range", min: 0, max: frames.length - 1, step: 1, value: place.dataset.shown });

    function show() {
      const shown = frames[Number(slider.value)];
      for (const frame of frames) frame.hidden = frame !== shown;
      slider.setAttribute("aria-valuetext", shown.dataset.label);
      words.textContent = `${title}: ${shown.dataset.label}. ${shown.querySelector("img").alt}`;
    }

    // The words below the picture say what each frame's own caption says.
    for (const frame of frames) frame.querySelector("figcaption").hidden = true;
    place.replaceChildren(label, slider, ...frames, words);
    slider.addEventListener("input", show);
    show();
  }

  document.querySelectorAll(".rf-frames").forEach(enhance);
})();
