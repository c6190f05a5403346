package rotation

import (
	"time"

	"rekey/providers"
)

// Ahead reports the cells in which people approve before anything is issued,
// because issuing kills the old credential: at once, or after a time.
func (c Cell) Ahead() bool { return c.Shape == providers.Grace || c.Shape == providers.Cutover }

// Turn is the moment at which issuing replaces one environment's credential,
// or that of both where they share it.
type Turn struct {
	Sent time.Time `json:"sent"`          // when the service, or a person, was asked; from then on the old one may die
	Made time.Time `json:"made,omitzero"` // when the new one was known to exist
	// Seen is when the value that a person made was first found.
	Seen time.Time `json:"seen,omitzero"`
	// Dies is when the old one dies by itself; zero in a cutover.
	Dies time.Time `json:"dies,omitzero"`
	// Looked is when the old one was last probed while a person was waited for,
	// Stood when the approval was last looked up meanwhile.
	Looked time.Time `json:"looked,omitzero"`
	Stood  time.Time `json:"stood,omitzero"`
	// Refused is when the old one was first refused, as far as is known.
	Refused time.Time `json:"refused,omitzero"`
	Paged   time.Time `json:"paged,omitzero"` // when people were called because it will die too early
}

// Gap is how long production was without a working credential.
type Gap struct {
	Rehearsed time.Duration `json:"rehearsed,omitempty"` // how long a deployment that changed nothing took
	From      time.Time     `json:"from,omitzero"`       // the old one was first refused
	To        time.Time     `json:"to,omitzero"`         // production was first proved on the new one
	// Expected is how long a deployment is expected to take, where nobody rehearsed one.
	Expected time.Duration `json:"expected,omitempty"`
	// Deployment is the one that ran on the old one last.
	Deployment string `json:"deployment,omitempty"`
	// What the checks saw of the application from From to To; Counted says
	// that one of them could tell, Logged that its log shows this credential
	// refused.
	Counted  bool    `json:"counted,omitempty"`
	Logged   bool    `json:"logged,omitempty"`
	Requests float64 `json:"requests,omitempty"`
	Failed   float64 `json:"failed,omitempty"`
}

// Length is the measured gap; zero where there was none, or while it lasts.
func (g Gap) Length() time.Duration {
	if g.From.IsZero() || !g.To.After(g.From) {
		return 0
	}
	return g.To.Sub(g.From)
}

// scopeKey names what an environment's credential is known under where one may
// serve both.
func (r *Rotation) scopeKey(env string) string {
	if r.Cell.Shared {
		return ""
	}
	return env
}

// TurnOf is the environment's turn; zero before it.
func (r *Rotation) TurnOf(env string) Turn { return r.Turns[r.scopeKey(env)] }

// Begun reports that nobody can promise any more that the old one lives.
func (t Turn) Begun() bool { return !t.Sent.IsZero() }

func (w *run) turn(env string, change func(*Turn)) {
	if w.r.Turns == nil {
		w.r.Turns = make(map[string]Turn)
	}
	t := w.r.TurnOf(env)
	change(&t)
	w.r.Turns[w.r.scopeKey(env)] = t
}

// turned notes that the new credential exists.
func (w *run) turned(env string) {
	w.turn(env, func(t *Turn) {
		if !t.Made.IsZero() {
			return
		}
		t.Made = time.Now()
		if e := w.r.Errand; e != nil && e.Environment == env {
			t.Seen = e.Seen
		}
		if w.r.Cell.Shape == providers.Grace {
			t.Dies = t.Made.Add(w.r.Traits.Waits.Grace)
		}
	})
}

// unturned takes back that anything was asked for: it clearly did not happen.
func (w *run) unturned(env string) { delete(w.r.Turns, w.r.scopeKey(env)) }

// Replaced reports that a new credential exists for some environment, so that
// there is no way back.
func (r *Rotation) Replaced() bool {
	for _, t := range r.Turns {
		if !t.Made.IsZero() {
			return true
		}
	}
	return false
}

// proved reports that an environment runs on its new credential.
func (r *Rotation) proved(env string) bool { return r.Wrote(env) && r.Proofs[env].Kind != "" }
