package rotation

import (
	"fmt"
	"strings"
	"time"
)

// drillable refuses a drill where it would be none: it ends a real credential, so
// it needs one whose failure harms nobody, and it takes over nothing.
func (e *Engine) drillable(s Subject, o Order, open *Rotation) error {
	switch {
	case !o.Drill:
		return nil
	case !s.Canary:
		return &Refusal{Code: NotNow, Sentence: "A drill replaces and ends a real key, and " + s.Name + " is not declared as one whose failure harms nobody. Declare a canary: a key of its own that nothing important uses, with `canary: true` under its name in the configuration. Nothing was started."}
	case o.Mode != Emergency:
		return &Refusal{Code: NotNow, Sentence: "A drill rehearses an emergency: `/rotate-emergency " + s.Name + " --drill`. Nothing was started."}
	case open != nil:
		return &Refusal{Code: NotNow, Other: open, Sentence: "A rotation of " + s.Name + " is open, and a drill takes over none. Let it end, or `/rotate cancel " + s.Name + "`, and begin the drill then."}
	}
	return nil
}

// ContainedIn is how long containment took from the alarm; zero before.
func (r *Rotation) ContainedIn() time.Duration {
	at := r.ContainedAt()
	if at.IsZero() || r.Alarmed.IsZero() {
		return 0
	}
	return at.Sub(r.Alarmed)
}

// Ladder says when each step up to containment was over, counted from the alarm.
// What took no time to speak of is left out.
func (r *Rotation) Ladder() string {
	var rungs []string
	last := r.Alarmed
	for _, t := range r.Times {
		if t.Ended.IsZero() || t.Ended.After(r.ContainedAt().Add(time.Second)) {
			continue
		}
		if t.Ended.Sub(last) < 10*time.Millisecond {
			continue
		}
		rungs = append(rungs, fmt.Sprintf("%s after %s", t.Step, human(t.Ended.Sub(r.Alarmed))))
		last = t.Ended
	}
	return strings.Join(rungs, ", ")
}

// drilled is what the report of a drill says.
func (r *Rotation) drilled() string {
	if !r.Drill {
		return ""
	}
	text := " This was a drill: nothing had leaked."
	if in := r.ContainedIn(); in > 0 {
		text += fmt.Sprintf(" Time to containment: %s. From the alarm on: %s.", human(in), r.Ladder())
	}
	return text
}
