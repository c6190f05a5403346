package rotation

import (
	"context"

	"rekey/providers"
)

// Sight is what is known of an old credential that this rotation has not ended.
// Names are stored.
type Sight string

// The sights. None at all means that it was in use when the rotation began.
const (
	SeenAlive   Sight = "alive"     // the service accepted it when it was last asked
	SeenRefused Sight = "refused"   // it refused it
	SeenUnclear Sight = "unclear"   // it was to be asked, and its answer, or that there was none, tells nothing
	NotAsked    Sight = "not asked" // not since the alarm
)

// sighted probes an environment's old credential and keeps what that told: nobody
// is to read that it lives where the service said otherwise or nothing.
func (w *run) sighted(ctx context.Context, env string, old providers.Values) (providers.Finding, error) {
	found, err := w.probe(ctx, old)
	switch {
	case w.endedBy(env):
	case err != nil:
		w.sees(env, SeenUnclear)
	case found.Liveness == providers.Alive:
		w.sees(env, SeenAlive)
	case found.Liveness == providers.Refused:
		w.sees(env, SeenRefused)
	default:
		w.sees(env, SeenUnclear)
	}
	return found, err
}

func (w *run) sees(env string, s Sight) {
	if w.r.Sights == nil {
		w.r.Sights = make(map[string]Sight)
	}
	w.r.Sights[w.r.scopeKey(env)] = s
}

// overlooked notes, where an emergency stops, which old credentials nobody has asked
// about since the alarm: it does not begin by looking whether they still work.
func (w *run) overlooked() {
	if w.r.Cell.Mode != Emergency {
		return
	}
	for _, env := range w.r.environments() {
		if _, asked := w.r.Sights[w.r.scopeKey(env)]; !asked {
			w.sees(env, NotAsked)
		}
	}
}

// Lives says that the old credential lives, where nothing speaks against it; else
// what is known. It is for rotations that have ended none.
func (r *Rotation) Lives() string {
	seen := make(map[Sight]bool)
	for _, s := range r.Sights {
		seen[s] = true
	}
	switch {
	case seen[SeenRefused]:
		return "The service refused the old key when it was last asked; Rekey has not ended it."
	case seen[SeenUnclear]:
		return "Rekey has not ended the old key; whether it still lives could not be told when Rekey last looked."
	case seen[NotAsked]:
		return "Rekey has not ended the old key, and nobody has asked the service since the alarm whether it still lives."
	default:
		return "Old key still valid."
	}
}

// doubts reports an environment of whose old credential it is not known that it
// lives.
func (r *Rotation) doubts(env string) bool {
	s, asked := r.Sights[r.scopeKey(env)]
	return asked && s != SeenAlive
}
