package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/mem0"
	"rekey/internal/sandbox/page"
)

// memoryConsole is Mem0's dashboard: what people do there.
func (w *World) memoryConsole(m *http.ServeMux) {
	post(m, "/console/memory", func(_ context.Context, q struct{ Name, Project string }) (any, error) {
		if w.Mem0 == nil || q.Name == "" || q.Project == "" {
			return nil, errors.New("making a key: it needs a name and a project, and a world in which it is used")
		}
		return map[string]string{"id": w.MakeMemoryKey(q.Project, q.Name).ID}, nil
	})
	post(m, "/console/memory/copy", func(_ context.Context, q struct{ ID string }) (any, error) { return nil, w.CopyMemoryKey(q.ID) })
	post(m, "/console/memory/end", func(_ context.Context, q struct{ ID string }) (any, error) {
		if w.Mem0 == nil || !w.EndMemoryKey(q.ID) {
			return nil, fmt.Errorf("deleting %s: no living key has that id", q.ID)
		}
		return nil, nil
	})
}

// MakeMemoryKey makes a key in the dashboard, as a person does who selects a
// project there, and copies the value that is shown this once.
func (w *World) MakeMemoryKey(project, name string) mem0.Key {
	k := w.Mem0.Create(project, name)
	w.clipboard.set(copied{k.Value, k.ID, app.MemoryKey})
	return k
}

// CopyMemoryKey puts the value of a key that somebody has kept onto the
// clipboard.
func (w *World) CopyMemoryKey(id string) error {
	if w.Mem0 != nil {
		if k, known := w.Mem0.Key(id); known {
			w.clipboard.set(copied{k.Value, k.ID, app.MemoryKey})
			return nil
		}
	}
	return fmt.Errorf("copying %s: there is no such key", id)
}

// lookAtMemories is the dashboard as it stands; nil where nobody uses it.
func (w *World) lookAtMemories() *page.Memories {
	if w.Mem0 == nil || w.memory.own {
		return nil
	}
	const shown = 4
	users := map[string]int{} // by value
	for _, a := range []*app.App{w.Staging, w.Production} {
		for _, h := range a.Holdings(app.MemoryKey) {
			users[h.Value]++
		}
	}
	out := &page.Memories{Projects: []string{MemoryProject(Staging), MemoryProject(Production), "proj_default"}}
	for _, k := range w.Mem0.Keys() {
		out.Keys = append(out.Keys, page.MemoryKey{
			ID: k.ID, Name: k.Name, Project: k.Project, Last: k.Value[len(k.Value)-shown:], Live: w.Mem0.Accepts(k.ID), Users: users[k.Value], Created: k.Created,
			First: k.ID == w.OldMemoryKey(Staging) || k.ID == w.OldMemoryKey(Production),
		})
	}
	for _, environment := range []string{Staging, Production} {
		in := page.Inbox{Environment: environment, Workspace: MemoryProject(environment)}
		if e, there := w.Infisical.Read(w.Inbox(environment), app.MemoryKey); there {
			in.Name, in.Made = e.Name, e.Made
		}
		out.Inboxes = append(out.Inboxes, in)
	}
	return out
}
