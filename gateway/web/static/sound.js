// Recordings: the picture of the sound shows how far it played, words light up as they are said, and either leads there.
"use strict";

(() => {
  const parts = (target) => {
    const place = target.closest(".recording");
    return { audio: place?.querySelector("audio"), wave: place?.querySelector(".wave"), heard: place?.querySelector(".heard") };
  };

  function follow(event) {
    const { audio, wave, heard } = parts(event.target);
    if (!audio) return;
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    const played = wave?.querySelector(".played");
    if (played) played.style.clipPath = `inset(0 ${100 - share * 100}% 0 0)`;
    for (const word of heard?.children ?? []) {
      const { start, end } = word.dataset;
      word.classList.toggle("now", audio.currentTime >= Number(start) && audio.currentTime < Number(end));
    }
  }

  // These events do not bubble, but they can be met on their way down.
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) document.addEventListener(name, follow, true);

  document.addEventListener("click", (event) => {
    const { audio, wave } = parts(event.target);
    if (!audio) return;
    const word = event.target.closest("[data-start]");
    if (word) audio.currentTime = Number(word.dataset.start);
    else if (wave && event.target.closest(".wave") && audio.duration) {
      const box = wave.getBoundingClientRect();
      audio.currentTime = ((event.clientX - box.left) / box.width) * audio.duration;
    } else return;
    audio.play().catch(() => null);
  });
})();
