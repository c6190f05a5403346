package chat

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// mostRemembered bounds how many people are remembered at a time.
const mostRemembered = 1000

// recents remember for a short while who people are. They serve what people
// type, where a burst of commands must not use up the calls that approvals
// need; an approval is always looked up anew.
type recents struct {
	asking singleflight.Group

	mu   sync.Mutex
	seen map[string]recollection
}

type recollection struct {
	known
	until time.Time
}

// recent is look, as old as a user group's members may be. What is unknown, or
// cannot be asked, is not remembered.
func (p *people) recent(ctx context.Context, id string) (known, error) {
	if k, ok := p.recents.recall(id, time.Now()); ok {
		return k, nil
	}
	found, err, _ := p.recents.asking.Do(id, func() (any, error) {
		asked := time.Now()
		k, err := p.look(ctx, id)
		if err == nil && len(k.ids) > 0 {
			p.recents.keep(id, k, asked.Add(p.config.GroupCache))
		}
		return k, err
	})
	k, _ := found.(known) // what the function above returns
	return k, err
}

func (r *recents) recall(id string, now time.Time) (known, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.seen[id]
	return k.known, ok && now.Before(k.until)
}

func (r *recents) keep(id string, k known, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil || len(r.seen) >= mostRemembered {
		r.seen = make(map[string]recollection) // asking everybody once more is cheap
	}
	r.seen[id] = recollection{k, until}
}
