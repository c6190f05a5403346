// Lists that follow their newest entry, unless the reader has scrolled away.

const near = 60; // pixels from the end that still count as the end

export const atEnd = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < near;

/**
 * follower returns a function that renders and then keeps the reader's place.
 * Who was at the end is taken to a new entry: to its end, or to its beginning
 * where it is taller than the panel, for that is where one starts to read.
 */
export function follower(el, list) {
  let put = -1; // where this function last put the reader
  return (render) => {
    const before = list.lastElementChild?.dataset.key;
    const end = atEnd(el);
    const follow = end || Math.abs(el.scrollTop - put) < 2;
    render();
    const last = list.lastElementChild;
    if (!follow || !last) return;
    const top = last.offsetTop - list.offsetTop;
    if (last.dataset.key !== before) el.scrollTop = Math.min(top, el.scrollHeight);
    else if (end && last.offsetHeight <= el.clientHeight) el.scrollTop = el.scrollHeight;
    put = el.scrollTop;
  };
}
