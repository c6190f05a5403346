package sandbox

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/page"
)

// Console is what people see and do at a service's own pages for one secret.
type Console struct {
	Secret   string
	Variable string   // that holds a key's value
	First    []string // ids in use when the world began
	Keys     func() []ConsoleKey
	// Make makes a key as a guide asks for it and returns what is to be pasted,
	// by name; nil where nobody needs to make keys by hand.
	Make func(environment, name string) (id string, values map[string]string)
	End  func(id string)
}

// ConsoleKey is a key that a console lists.
type ConsoleKey struct {
	ID, Name, Value string
	Live            bool
	// Last are the characters by which its service shows it, where people know
	// it by no id.
	Last string
}

// consoles are those that the page shows beside the ones that have a place of
// their own there.
type consoles struct {
	mu  sync.Mutex
	all []Console
}

// AddConsole has the page show a console.
func (w *World) AddConsole(c Console) {
	w.consoles.mu.Lock()
	defer w.consoles.mu.Unlock()
	w.consoles.all = append(w.consoles.all, c)
}

func (w *World) shownConsoles() []Console {
	w.consoles.mu.Lock()
	defer w.consoles.mu.Unlock()
	return slices.Clone(w.consoles.all)
}

func (w *World) console(secret string) (Console, error) {
	for _, c := range w.shownConsoles() {
		if c.Secret == secret {
			return c, nil
		}
	}
	return Console{}, fmt.Errorf("opening the console for %q: there is none on this page", secret)
}

// consoleAct is what a person does at a console.
type consoleAct struct{ Secret, Environment, Name, ID string }

// makeAt makes a key and copies what is shown this once.
func (w *World) makeAt(_ context.Context, q consoleAct) (any, error) {
	c, err := w.console(q.Secret)
	switch {
	case err != nil:
		return nil, err
	case c.Make == nil:
		return nil, fmt.Errorf("making a key for %s: Rekey makes them by itself", q.Secret)
	case q.Environment != Staging && q.Environment != Production:
		return nil, fmt.Errorf("making a key for %s: it is for %s or %s", q.Secret, Staging, Production)
	}
	id, values := c.Make(q.Environment, q.Name)
	w.clipboard.setAll(values, id)
	return map[string]string{"id": id}, nil
}

func (w *World) endAt(_ context.Context, q consoleAct) (any, error) {
	c, err := w.console(q.Secret)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(c.Keys(), func(k ConsoleKey) bool { return k.ID == q.ID && k.Live }) {
		return nil, fmt.Errorf("ending a key of %s: no such key lives", q.Secret)
	}
	c.End(q.ID)
	return nil, nil //nolint:nilnil // the answer says ok
}

// lookAtConsoles shows the keys, and how many instances run on each.
func (w *World) lookAtConsoles(out *page.World) {
	for _, c := range w.shownConsoles() {
		if c.Secret == app.MemoryKey && out.Memories != nil {
			continue // it has a place of its own
		}
		users := map[string]int{} // by value
		for _, a := range []*app.App{w.Staging, w.Production} {
			for _, h := range a.Holdings(c.Variable) {
				users[h.Value]++
			}
		}
		shown := page.Console{Secret: c.Secret, Make: c.Make != nil, Keys: []page.ConsoleKey{}}
		for _, k := range c.Keys() {
			shown.Keys = append(shown.Keys, page.ConsoleKey{ID: k.ID, Name: k.Name, Last: k.Last, Live: k.Live, First: slices.Contains(c.First, k.ID), Users: users[k.Value]})
		}
		out.Consoles = append(out.Consoles, shown)
	}
	for i := range out.Inboxes {
		out.Inboxes[i].Names = w.Infisical.Names(w.Inbox(out.Inboxes[i].Environment))
	}
}
