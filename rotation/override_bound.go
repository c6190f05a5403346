package rotation

import (
	"context"
	"fmt"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
)

// StopHash is what somebody's word in the place of a proof is about, where it
// names that: this plan, this step, why it stopped there, and what each
// environment holds. Whatever changes it makes the word one about something else.
func (r *Rotation) StopHash() string {
	type held struct {
		Old, New     providers.ID
		Fingerprints map[string]secret.Fingerprint
		Versions     map[string]int
	}
	about := struct {
		Plan, Step, Reason, What string
		Places                   map[string]held
	}{Plan: r.PlanHash, Places: make(map[string]held)}
	if p := r.Problem; p != nil {
		about.Step, about.Reason, about.What = p.Step, p.Reason, p.What
	}
	for env, p := range r.Places {
		h := held{Old: p.Old.ID, New: p.New.ID, Fingerprints: make(map[string]secret.Fingerprint), Versions: make(map[string]int)}
		for name, v := range p.After {
			h.Fingerprints[name], h.Versions[name] = v.Fingerprint, v.Version
		}
		about.Places[env] = h
	}
	hash, _ := hashOf(about) // texts and numbers, which cannot fail
	return hash
}

// Risk says what going on without the proof at which it stopped may break.
func (r *Rotation) Risk() string {
	s, _ := r.Step()
	return r.mayBreak(s)
}

// onAWord reports that nobody measured that an environment runs on the new
// credential: a person took that over.
func (r *Rotation) onAWord(env string) bool {
	return r.Wrote(env) && r.Proofs[env].Kind == Overridden
}

// notMeasured says of what a person took over that nobody measured it.
var notMeasured = strings.NewReplacer(
	"Production was proved to run on the new key.", "That production runs on the new key was not measured: a person took it over.",
	"The application runs on the new one.", "That it runs on the new one was not measured: a person took it over.",
)

// unmeasured says in a report whose word stands in the place of production's proof.
func (r *Rotation) unmeasured() string {
	if !r.onAWord(Production) {
		return ""
	}
	return " That production runs on it is " + r.Proofs[Production].Affected + "."
}

// about reports that a word is about this stop; one that names no hashes is about
// its step alone.
func (o Override) about(r *Rotation) bool {
	return (o.Plan == "" || o.Plan == r.PlanHash) && (o.Stop == "" || o.Stop == r.StopHash())
}

// stillMay asks for somebody's standing again, right before their word is taken:
// looking once more for the proof may have lasted minutes.
func (w *run) stillMay(ctx context.Context, o Override) (string, error) {
	if o.Still == nil {
		return "", nil
	}
	var err error
	if o.By, o.Standing, err = o.Still(ctx); err != nil {
		return "", fmt.Errorf("asking whether somebody may still take over the proof of %s: %w", w.r.Key(), err)
	}
	return w.mayOverride(o), nil
}

// tookOver is the entry of a word that was taken.
func (o Override) tookOver(s Step, text string) event.Event {
	ev := event.Event{Kind: event.Overridden, By: o.By.ID, Path: orElse(o.Path, "button"), Step: s.String(), Text: text, Facts: map[string]string{"reason": o.Reason}}
	if o.By.Key != "" {
		ev.Facts["key"] = o.By.Key
	}
	return ev
}

// Plans binds a card to the plans of its rotations, apart from their evidence.
func (s *Sheaf) Plans() string {
	plans := make(map[string]string, len(s.Sheets))
	for _, sheet := range s.Sheets {
		plans[sheet.Rotation] = sheet.Plan
	}
	hash, _ := hashOf(plans) // texts, which cannot fail
	return hash
}

// CardCovering is the newest card of a batch on which people are asked about a
// rotation's own; nil where there is none.
func (b *Batch) CardCovering(r *Rotation) *Sheaf { return b.covering(r) }

// BatchKey is the key of a batch of this id.
func BatchKey(id string) string { return batchPrefix + id }
