package fal

import (
	"net/url"

	"rekey/internal/fault"
)

// walk follows the cursors of a list, and refuses one that leads in a circle,
// nowhere or too far.
type walk struct {
	op     string
	cursor string
	seen   map[string]bool
	count  int
	done   bool
}

func newWalk(op string) *walk { return &walk{op: op, seen: map[string]bool{}} }

// on adds the cursor to a query.
func (w *walk) on(query url.Values) url.Values {
	if w.cursor != "" {
		query.Set("cursor", w.cursor)
	}
	return query
}

// next takes in what a page says about the rest.
func (w *walk) next(p pages) error {
	w.count++
	switch {
	case p.More == nil:
		return fault.New(w.op, fault.Garbled, "the answer does not say whether there is more")
	case !*p.More:
		w.done = true
		return nil
	case p.Next == nil || *p.Next == "":
		return fault.New(w.op, fault.Garbled, "there is more, but no cursor to it")
	case w.seen[*p.Next]:
		return fault.New(w.op, fault.Garbled, "the pages lead in a circle")
	case w.count >= maxPages:
		return fault.New(w.op, fault.TooLarge, "the list does not end")
	}
	w.cursor = *p.Next
	w.seen[w.cursor] = true
	return nil
}
