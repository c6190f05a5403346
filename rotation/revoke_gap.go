package rotation

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"rekey/providers"
)

// recentForGap is how many finished rotations are looked through for how long a
// deployment takes.
const recentForGap = 50

// foresee finds out, before people are asked, how long a deployment of
// production takes: the stated outage is a part of what they approve.
func (w *run) foresee(ctx context.Context) {
	recent, err := w.e.Recent(ctx, recentForGap)
	if err != nil {
		w.e.config.Log.Warn("looking for how long a deployment took", "rotation", w.r.ID, "error", err)
		return // then it is said to be unknown
	}
	var newest time.Time
	for _, r := range recent {
		d := r.Deploys[w.r.front()]
		if r.Secret == w.r.Secret && d.Live.After(d.Triggered) && !d.Triggered.IsZero() && d.Live.After(newest) {
			newest, w.r.Gap.Expected = d.Live, d.Live.Sub(d.Triggered)
		}
	}
}

// gaps reports the cells in which production is without a working credential
// for a time.
func (c Cell) gaps() bool { return c.Shape == providers.Cutover || c.RevokeFirst }

// revokeOutage says what ending the old one first will cost.
func (r *Rotation) revokeOutage() string {
	who := title(r.front()) + " is"
	if r.Cell.Shared {
		who = "Production and staging are"
	}
	text := "The old key ends before there is a new one. " + who + " without a working key from then on, for as long as it takes "
	if r.Traits.EndByHand {
		text += "until its end is proved, "
	}
	text += "a person to say that the vault is closed"
	if r.Traits.Guided {
		text += ", a person to make the new key in the console"
	}
	text += ", and a deployment: "
	if r.Gap.Expected > 0 {
		text += "the last one of " + r.front() + " took " + span(r.Gap.Expected)
	} else {
		text += "nobody has measured one yet, so its length is unknown"
	}
	if r.Cell.Shared {
		text += ". Staging is brought along after production"
	}
	text += ". What needs the key fails meanwhile. There is no way back to the old key."
	if r.Traits.Remember != "" {
		text += " Before you say yes, note " + r.Traits.Remember + " in the console: the new key needs the same, and nobody can look that up afterwards."
	}
	return text
}

// opensGap notes since when production is without a working credential: since
// the service was asked, or, where a person ends it, since it was first refused.
func (w *run) opensGap(at time.Time) {
	if w.r.Cell.RevokeFirst && w.r.Gap.To.IsZero() && !at.IsZero() {
		w.r.Gap.From, w.r.Gap.Deployment = at, w.failing()
	}
}

// failing is production's deployment that ran on the old credential last: the one
// that was heard right before it ended, which may be a colleague's.
func (w *run) failing() string {
	return cmp.Or(w.r.Proofs[w.r.front()].Deployment, w.r.Deploys[w.r.front()].Name, w.r.Gap.Deployment)
}

// expectedWords is what people were told before.
func (g Gap) expectedWords(c Cell) string {
	switch {
	case !c.RevokeFirst && g.Rehearsed == 0:
		return "nobody had rehearsed it"
	case !c.RevokeFirst:
		return "rehearsed: " + human(g.Rehearsed).String()
	case g.Expected > 0:
		return "of which a deployment was expected to take " + span(g.Expected)
	default:
		return "its length was unknown before"
	}
}

// safeRevoked says which credentials live where the old one ends first.
func (r *Rotation) safeRevoked() string {
	switch {
	case len(r.Ends) == 0 && r.OldRefused() != "":
		return "Rekey revoked nothing, yet the service refuses the old key already (" + r.OldRefused() + "): it was ended by other means."
	case len(r.Ends) == 0:
		return r.Lives() + " Nothing was changed."
	case r.proved(r.front()):
		return r.oldState() + " " + sentence(r.runsOnNew(r.front())) + "."
	case r.Wrote(r.front()):
		return r.oldState() + " Rekey wrote the new key to " + r.front() + "; " + r.runsOnNew(r.front()) + "."
	default:
		return r.oldState() + " The application has no working key until it gets a new one." + stray(r)
	}
}

func (r *Rotation) oldState() string {
	switch {
	case r.OldDead():
		return "The old key is dead."
	case r.SwitchedOff():
		return "The old key is switched off, and nothing switches it on again by itself."
	default:
		return "The end of the old key was requested and is not proved yet."
	}
}

// gapLength is the measured gap with what was said before.
func (r *Rotation) gapLength() string {
	return fmt.Sprintf("The gap was %s (%s)", human(r.Gap.Length()), r.Gap.expectedWords(r.Cell))
}
