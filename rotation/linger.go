package rotation

import (
	"fmt"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
)

// kind is by which a wish is fulfilled: a kind whose successor is no safer than
// itself is left for another one when it has leaked.
func (w wish) kind(found providers.Kind) providers.Kind {
	if u, other := found.(providers.Urgent); other && w.mode == Emergency {
		return u.Urgent()
	}
	return found
}

// Dies is when the old credential dies by itself although it was ended; zero
// where an end is an end, and before it.
func (r *Rotation) Dies() time.Time {
	e, ended := r.Ends[r.front()]
	if !r.Cell.Lingers || !ended {
		return time.Time{}
	}
	from := e.Sent
	if !e.From.IsZero() {
		from = e.From
	}
	return from.Add(r.Traits.Waits.Grace)
}

// Lingering says, before people approve, that their ✅ will not contain it; "" where
// it will.
func (r *Rotation) Lingering() string {
	if !r.Cell.Lingers {
		return ""
	}
	return fmt.Sprintf("That does not contain it: it lives on for %s. %s.", span(r.Traits.Waits.Grace), r.Traits.Lingers)
}

// uncontained calls people when all that Rekey can do was done, and the leaked
// credential lives on.
func (w *run) uncontained(s Step, e Ending) outcome {
	dies := w.r.Dies().UTC()
	text := fmt.Sprintf("Not contained. %s asked to end %s, which lives until %s, %s more, and then dies by itself: nothing of Rekey's can hasten that. %s. %s runs on the new key. Rekey watches and audits now, proves the death then, and reports.",
		w.r.Traits.Service+" was", w.oldOf(s).Brief(), dies.Format("2006-01-02 15:04:05 UTC"), span(w.r.Traits.Waits.Grace), w.r.Traits.Lingers, title(w.r.front()))
	facts := map[string]string{"contained": "false", "old_key_dead_at": dies.Format(time.RFC3339), "id": string(e.ID)}
	return outcome{done: true, events: []event.Event{{Kind: event.Uncontained, Step: s.String(), Text: text, Facts: facts}}}
}

// lingered says in the report what an end came to that was none at once.
func (r *Rotation) lingered() string {
	if !r.Cell.Lingers {
		return ""
	}
	return fmt.Sprintf(" It was not contained by that: the old key lived until %s, and whoever held it may have read what took its place. What was asked of people then still stands.%s", r.Dies().UTC().Format("15:04:05 UTC"), r.forsaken())
}
