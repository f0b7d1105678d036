// The radio page: a chapter plays from its beginning in the page's own player, and the one that is heard is marked.
// Without this script a chapter is a link into the sound.
"use strict";

(() => {
  const chapters = (place) => [...place.querySelectorAll("[data-chapter]")];

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-seek]");
    const audio = link?.closest("[data-bulletin]")?.querySelector("audio");
    if (!audio) return;
    event.preventDefault();
    const start = Number(link.dataset.seek);
    const begin = () => {
      audio.currentTime = start;
      audio.play().catch(() => null);
    };
    if (audio.readyState > 0) begin();
    else {
      audio.addEventListener("loadedmetadata", begin, { once: true });
      audio.load();
    }
  });

  function mark(event) {
    const place = event.target.closest?.("[data-bulletin]");
    if (!place) return;
    let heard = null;
    for (const one of chapters(place)) if (Number(one.dataset.chapter) <= event.target.currentTime + 0.05) heard = one;
    for (const one of chapters(place)) {
      if (one === heard) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
  }

  // One thing is heard at a time: a bulletin, or the stream.
  function alone(event) {
    for (const one of document.querySelectorAll("audio")) if (one !== event.target) one.pause();
  }

  // These events do not bubble, but they can be met on their way down.
  for (const name of ["timeupdate", "seeked"]) document.addEventListener(name, mark, true);
  document.addEventListener("play", alone, true);
})();
