// The page says all without this: it filters, fetches a video's length as it comes into view, and moves
// the mark under a playing one.
document.documentElement.classList.add("scripted");

const form = document.querySelector(".filters");
const samples = [...document.querySelectorAll(".sample")];

function filter() {
  const wanted = [...new FormData(form)].filter(([, value]) => value);
  let shown = 0;
  for (const sample of samples) {
    sample.hidden = !wanted.every(([name, value]) => sample.dataset[name] === value);
    if (sample.hidden) for (const video of sample.querySelectorAll("video")) video.pause();
    else shown += 1;
  }
  form.querySelector("output").textContent = wanted.length
    ? `${shown} of ${samples.length} shown`
    : `${samples.length} shown`;
  form.querySelector("button").hidden = !wanted.length;
  document.querySelector(".nothing").hidden = shown > 0;
  return new URLSearchParams(wanted).toString();
}

// A view is an address: #task=NAME&level=hard. Without an equals sign it is that of one question.
function follow() {
  const hash = location.hash.slice(1);
  if (hash && !hash.includes("=")) return;
  const wanted = new URLSearchParams(hash);
  for (const button of form.querySelectorAll("input")) {
    button.checked = button.value === (wanted.get(button.name) ?? "");
  }
  for (const group of form.querySelectorAll("fieldset")) {
    if (!group.querySelector(":checked")) group.querySelector("input").checked = true;
  }
  filter();
}

function note() {
  history.replaceState(null, "", `#${filter()}`);
}

if (form) {
  form.addEventListener("change", note);
  form.addEventListener("reset", () => setTimeout(note)); // the buttons are set after the event
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  follow();
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      target.preload = "metadata";
    }
  },
  { rootMargin: "300px" },
);

for (const clip of document.querySelectorAll(".clip")) {
  const video = clip.querySelector("video");
  const strip = clip.querySelector(".strip");
  near.observe(video);
  const move = () => {
    strip.style.setProperty("--at", video.currentTime / (video.duration || 1));
    if (!video.paused) requestAnimationFrame(move);
  };
  for (const event of ["play", "seeked"]) video.addEventListener(event, move);
}

// A frame of the contact sheet shows itself in the player.
addEventListener("click", ({ target }) => {
  const still = target.closest?.(".sheet li");
  if (!still) return;
  const sheet = still.closest(".sheet");
  const clip = sheet.previousElementSibling?.matches(".clip")
    ? sheet.previousElementSibling
    : sheet.closest(".sample").querySelector(".clip");
  const video = clip.querySelector("video");
  const show = () => {
    video.pause();
    video.currentTime = Number(still.dataset.at) + 0.001; // into the frame, not to its edge
  };
  if (video.readyState > 0) return show();
  video.addEventListener("loadedmetadata", show, { once: true });
  video.preload = "metadata";
});
