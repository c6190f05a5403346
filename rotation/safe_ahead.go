package rotation

import (
	"fmt"
	"strings"
	"time"

	"rekey/providers"
)

// safeAhead says which credentials live where issuing kills the old one.
func (r *Rotation) safeAhead() string {
	var all []string
	if r.Cell.Shared {
		all = append(all, r.standingOf(Production))
	} else {
		for _, env := range r.environments() {
			all = append(all, r.standingOf(env))
		}
	}
	if idle(all[0]) && idle(all[len(all)-1]) {
		all = []string{r.Lives() + " Nothing was changed."}
	} else if len(all) == 2 {
		all[0], all[1] = "Staging: "+all[0], "Production: "+all[1]
	} else {
		all[0] = sentence(all[0])
	}
	if r.held() {
		all = append(all, "The application's work is paused.")
	}
	return strings.Join(all, " ")
}

// What an environment stands on before anything was asked for.
const (
	untouched = "the old key is still valid."
	untold    = "Rekey has not ended the old key; it is not known whether it still lives."
)

func idle(standing string) bool { return standing == untouched || standing == untold }

// standingOf says what an environment stands on.
func (r *Rotation) standingOf(env string) string {
	t := r.TurnOf(env)
	switch {
	case !t.Begun() && r.Proofs[env].Refused:
		return "the service refuses the old key, and Rekey has not asked for a new one."
	case !t.Begun() && r.doubts(env):
		return untold
	case !t.Begun():
		return untouched
	case t.Made.IsZero() && !t.Refused.IsZero():
		return "the service refuses the old key; the new one is waited for."
	case t.Made.IsZero() && r.Traits.Guided && r.doubts(env):
		return "a person was asked to replace the old key; whether it still lives could not be told when Rekey last looked."
	case t.Made.IsZero() && r.Traits.Guided:
		return "a person was asked to replace the old key; until then it is valid."
	case t.Made.IsZero():
		return "the service was asked to replace the old key and has not answered yet: it may be dead."
	default:
		return r.fate(env)
	}
}

// sentence begins with a capital letter.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// fate says what becomes of an environment, now that its new key is made.
func (r *Rotation) fate(env string) string {
	t, runs := r.TurnOf(env), r.runsOnNew(env)
	if r.Cell.Shape == providers.Grace {
		return "the old key dies at " + t.Dies.UTC().Format(time.RFC3339) + " whatever happens; " + runs + "."
	}
	if e := r.Ends[r.scopeKey(env)]; e.Refused.IsZero() && e.Tries > 0 {
		return "the old key was not seen refused yet; " + runs + "."
	}
	return "the old key is dead; " + runs + "."
}

// runsOnNew says how far the environments that stand on one key have come.
func (r *Rotation) runsOnNew(env string) string {
	var on, off []string
	for _, e := range r.environments() {
		switch {
		case !r.Cell.Shared && e != env:
		case r.proved(e) && !r.onAWord(e):
			on = append(on, e)
		default:
			off = append(off, e)
		}
	}
	switch {
	case len(off) == 0:
		return are(on) + " proved to run on the new one"
	case len(on) == 0:
		return are(off) + " not yet proved to run on the new one"
	default:
		return fmt.Sprintf("%s runs on the new one, %s is not yet proved to", on[0], off[0])
	}
}

// are begins a sentence about one environment or both.
func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return both(names) + " are"
}
