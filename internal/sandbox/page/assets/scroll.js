// Lists that follow their newest entry, unless the reader has scrolled away.

const near = 60; // pixels from the end that still count as the end
const followers = [];

export const atEnd = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < near;

/** acted tells that the reader did something and wants to see what comes of it. */
export function acted() {
  for (const f of followers) f();
}

/**
 * follower returns a function that renders and then keeps the reader's place.
 * Who follows is taken to the end of a new entry, or, if reading says so, to the
 * beginning of one that is taller than the panel.
 */
export function follower(el, list, reading) {
  let following = true;
  let [top, height] = [0, 0];
  const settle = () => {
    top = el.scrollTop;
    height = el.scrollHeight;
  };
  const end = () => {
    el.scrollTop = el.scrollHeight;
    settle();
  };
  el.addEventListener('scroll', () => {
    if (atEnd(el)) following = true;
    else if (el.scrollTop < top - 2 && el.scrollHeight === height) following = false; // not because something became shorter
    settle();
  });
  new ResizeObserver(() => following && !reading && end()).observe(el);
  followers.push(() => {
    following = true;
    settle(); // or a scroll on the way to the click would undo it
  });
  return (render) => {
    const [before, was] = [list.lastElementChild?.dataset.key, atEnd(el)];
    render();
    const last = list.lastElementChild;
    if (!last || !following) return;
    if (last.dataset.key === before && !was) return;
    const tall = reading && last.offsetHeight > el.clientHeight;
    if (tall && last.dataset.key !== before) el.scrollTop = last.offsetTop - list.offsetTop;
    else if (!tall) end();
    settle();
  };
}
