package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/app"
)

// clipboard is what a person has copied last: a console shows a value once,
// and this is where it goes from there. Nothing but Paste takes it out.
type clipboard struct {
	mu  sync.Mutex
	now copied
	// more are the further values of what was copied, by the name under which
	// each is pasted.
	more map[string]string
}

// copied is a value, the id of the key that it is of, and the name under which
// it is pasted.
type copied struct{ value, of, name string }

func (c *clipboard) set(now copied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.more = now, nil
}

// setAll copies any number of values.
func (c *clipboard) setAll(values map[string]string, of string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.more = copied{of: of}, values
}

// all is what would be pasted, by name.
func (c *clipboard) all() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(c.more)
	if c.now.value != "" {
		all = map[string]string{c.now.name: c.now.value}
	}
	return all
}

func (c *clipboard) get() copied {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// MakeKey makes a key in Anthropic's console, as a person does who chooses
// workspace and name there, and copies the value that is shown this once.
func (w *World) MakeKey(o anthropic.Order) anthropic.Key {
	k := w.Anthropic.Create(o)
	w.clipboard.set(copied{k.Value, k.ID, app.AnthropicKey})
	return k
}

// Copy puts the value of a key that somebody has kept onto the clipboard: what
// people do with the wrong key.
func (w *World) Copy(id string) error {
	k, known := w.Anthropic.Key(id)
	if !known {
		return fmt.Errorf("copying %s: there is no such key", id)
	}
	w.clipboard.set(copied{k.Value, k.ID, app.AnthropicKey})
	return nil
}

// Paste leaves what was copied in an environment's inbox.
func (w *World) Paste(environment string) error {
	all := w.clipboard.all()
	if len(all) == 0 {
		return fmt.Errorf("pasting into the inbox of %s: nothing was copied", environment)
	}
	for name, value := range all {
		if err := w.Leave(environment, name, value); err != nil {
			return err
		}
	}
	return nil
}

// Leave is a person's leaving a value in an environment's inbox.
func (w *World) Leave(environment, name, value string) error {
	_, err := w.Infisical.Put(w.Inbox(environment), name, value, "a person")
	return err
}

// consoleOrder is what a person chooses in Anthropic's console. An empty
// account means the application's, "none" a key of nobody, anything else a
// person's own.
type consoleOrder struct {
	Name, Workspace, Account string
	ExpiresDays              int `json:"expires_days"`
}

func (w *World) makeKey(_ context.Context, q consoleOrder) (any, error) {
	if q.Name == "" {
		return nil, errors.New("making a key: it needs a name")
	}
	o := anthropic.Order{Name: q.Name, Workspace: q.Workspace}
	switch q.Account {
	case "", ServiceAccount:
		o.Account = ServiceAccount
	case "none":
	default:
		o.User = q.Account
	}
	if q.ExpiresDays > 0 {
		o.Expires = time.Now().Add(time.Duration(q.ExpiresDays) * 24 * time.Hour)
	}
	return map[string]string{"id": w.MakeKey(o).ID}, nil
}
