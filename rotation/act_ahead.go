package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
)

// ahead is what a step does otherwise where people approve before issuing; nil
// where it does the same, and in other plans.
func (w *run) ahead(s Step) func(context.Context) (outcome, error) {
	if !w.r.Cell.Ahead() {
		return nil
	}
	of := func(act func(context.Context, Step) (outcome, error)) func(context.Context) (outcome, error) {
		return func(ctx context.Context) (outcome, error) { return act(ctx, s) }
	}
	switch s.Act {
	case Rehearse:
		return w.rehearse
	case PauseHook:
		return w.pauseHook
	case Issue:
		return func(ctx context.Context) (outcome, error) { return w.replace(ctx, s.Environment) }
	case ResumeHook:
		return w.resumed
	case ConfirmDead:
		return of(w.gone)
	case DurableProbe:
		return of(w.durableProbe)
	case Audit:
		return of(w.auditAhead)
	case Report:
		return of(w.reportAhead)
	default:
		return nil
	}
}

// evidenceAhead is what an approval before issuing is given on: the old ones,
// and what it will cost. It stays as it is when the first environment is cut
// over, so that one approval covers both.
func (w *run) evidenceAhead() (string, error) {
	ev := evidence{Plan: w.r.PlanHash, Places: make(map[string]placeEvidence), Base: w.r.Cell.Shape, Gap: w.r.Outage(), Dead: w.deadAlready()}
	for env, p := range w.r.Places {
		pe := placeEvidence{Old: p.Old.ID, Fingerprints: make(map[string]secret.Fingerprint), Versions: make(map[string]int), Certificate: "attest"}
		for name, h := range p.Before {
			pe.Fingerprints[name], pe.Versions[name] = h.Fingerprint, h.Version
		}
		ev.Places[env] = pe
	}
	return hashOf(ev)
}

// deadAlready names the environments whose old credential is refused although
// this rotation has asked for nothing there.
func (w *run) deadAlready() []string {
	var dead []string
	for _, env := range w.r.environments() {
		if w.r.Proofs[env].Refused && !w.r.Wrote(env) && !w.r.TurnOf(env).Begun() {
			dead = append(dead, env)
		}
	}
	return dead
}

// vouch takes the life certificate of what an environment is known to run on:
// the new credential, or the old one where people approve before issuing.
func (w *run) vouch(ctx context.Context, env string) (Certificate, error) {
	if !w.r.Cell.Ahead() && !w.r.Cell.RevokeFirst || w.r.Wrote(env) {
		return w.certify(ctx, env)
	}
	current, err := w.expect(ctx, env, w.r.Places[env].Before)
	if err != nil || w.r.Cell.RevokeFirst {
		return Certificate{}, err // an end does not wait for the application
	}
	heard, err := w.attest(ctx, env, current, nil)
	if err != nil {
		return Certificate{}, err
	}
	cert := Certificate{Kind: "attest", At: time.Now(), Deployment: heard.Deployment, Instances: len(heard.Instances), Answers: heard.New, Fingerprint: w.e.fingerprint(valuesOf(current))}
	found, err := w.sighted(ctx, env, valuesOf(current))
	if err != nil {
		return Certificate{}, err
	}
	if found.Liveness == providers.Refused {
		// Nothing that needs it can pass, and going on is what mends that.
		cert.Refused, cert.Affected = true, "the service refuses it already ("+found.Answer+")"
		return cert, nil
	}
	cert.Affected, err = w.affected(ctx, env)
	return cert, err
}

// approveAhead asks people before anything is issued. The card says what it
// will cost.
func (w *run) approveAhead(ctx context.Context) (outcome, error) {
	if out, err := w.resumed(ctx); err != nil || !out.done {
		return out, err // nobody's work waits for a card
	}
	for _, env := range w.r.vouched() {
		cert, err := w.vouch(ctx, env)
		if err != nil {
			return outcome{}, err
		}
		w.certified(env, cert)
	}
	hash, err := w.evidenceAhead()
	if err != nil {
		return outcome{}, err
	}
	card := w.newCard(hash)
	card.Outage, card.OldRefused = w.r.Outage(), strings.Join(w.deadAlready(), " and ")
	facts := w.cardFacts(hash, map[string]string{"outage": card.Outage, "old_refused": card.OldRefused})
	ask, err := w.request(ctx, card, event.Event{Kind: event.Card, Card: card.Number, Facts: facts, Text: fmt.Sprintf("May %s be replaced now? %s", w.r.Olds(), card.Outage)})
	return outcome{state: Asking, wake: w.firstLook(card), events: []event.Event{ask}}, err
}

// newCard is the next card, open from now on.
func (w *run) newCard(hash string) *Card {
	card := &Card{Number: w.cardNumber() + 1, Evidence: hash, Asked: time.Now(), State: CardOpen}
	if expiry := w.policy().Expiry; expiry > 0 {
		card.Expires = card.Asked.Add(expiry)
	}
	return card
}

// Outage says what going on will cost, before it is approved; "" where it
// costs nothing.
func (r *Rotation) Outage() string {
	if r.Cell.RevokeFirst {
		return r.revokeOutage()
	}
	switch r.Cell.Shape {
	case providers.Grace:
		return fmt.Sprintf("Each old key dies %s after its own issue, whatever happens. No request fails as long as every environment is proved to run on its new key before that. There is no way to keep an old key.", span(r.Traits.Waits.Grace))
	case providers.Cutover:
		return r.cutoverWords()
	default:
		return ""
	}
}

func (r *Rotation) cutoverWords() string {
	text := "Making the new key kills the old one at once. " + title(r.front()) + " is without a working key from then until it runs on the new one: " + r.rehearsedWords()
	if r.Traits.Guided {
		text += ", and the time between the click in the console and the value in the inbox"
	}
	switch {
	case r.Cell.Shared:
		text += ". Staging uses the same key and is without one for longer: it is brought along after production"
	case r.following(Staging):
		text += ". Staging has a key of its own, whose replacement was begun before, and is gone on with after production"
	case len(r.environments()) > 1:
		text += ". Staging has a key of its own, is cut over first, and has a gap of its own"
	}
	if r.Pauses {
		text += ". The application's work is paused meanwhile, so that it waits instead of failing"
	} else {
		text += ". What needs the key fails meanwhile"
	}
	return text + ". There is no way back to the old key."
}

func (r *Rotation) rehearsedWords() string {
	if r.Gap.Rehearsed == 0 && r.Cell.Mode == Emergency {
		return "as long as a deployment of it takes, which nobody rehearsed"
	}
	if r.Gap.Rehearsed == 0 {
		return "as long as a deployment of it takes, which is rehearsed before anybody is asked"
	}
	return "about " + span(r.Gap.Rehearsed) + ", as rehearsed"
}

// span is a length of time as people say it: "24 h", "42s".
func span(d time.Duration) string {
	if d >= time.Hour && d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return human(d).String()
}

// lapsed is what follows when what must be allowed before issuing was not, or
// not in time. Where nothing was replaced the rotation is over.
func (w *run) lapsed(ev event.Event) outcome {
	if !w.r.Replaced() && !w.r.unsure() {
		state := w.callOff("It was not allowed.")
		ev.Text = strings.TrimSpace(ev.Text + " " + w.r.Safe() + w.overWords())
		return outcome{state: state, events: []event.Event{ev}}
	}
	p := Problem{Step: w.at(), Reason: "not approved", What: "Going on was not approved.", Safe: w.r.Safe(), Next: "`/rotate retry " + w.r.Secret + "` asks again."}
	w.r.Problem = &p
	ev.Text = strings.TrimSpace(ev.Text + " " + p.Safe + " " + p.Next)
	return outcome{state: Stuck, events: []event.Event{ev}}
}

// overWords says what is next when nothing was issued.
func (w *run) overWords() string {
	if w.r.Closing {
		return " The application's work is being resumed; then this rotation is over."
	}
	if w.r.Cell.Mode == Emergency {
		return " `/rotate-emergency " + w.r.Secret + "` starts again."
	}
	return " `/rotate " + w.r.Secret + "` starts again."
}

// callOff is the state of a rotation that is called off before anything was
// replaced: over, or not before the application's work goes on.
func (w *run) callOff(why string) State {
	w.withdraw()
	w.r.Errand = nil
	if !w.r.held() {
		w.r.Ended = time.Now()
		return Abandoned
	}
	w.r.Closing = true
	w.r.Problem = &Problem{Step: w.at(), Reason: "cancelled", What: why, Safe: w.r.Safe(), Next: "Rekey resumes the application's work; then this rotation is over."}
	return Stuck
}

// unsure reports that a new credential was asked for and nobody knows yet
// whether it was made.
func (r *Rotation) unsure() bool {
	for _, t := range r.Turns {
		if t.Begun() && t.Made.IsZero() {
			return true
		}
	}
	return false
}

// fallenAhead is what follows when an approval does not stand before issuing:
// a new card, or the end. The application's work goes on meanwhile.
func (w *run) fallenAhead(err error) (outcome, error) {
	out, err := w.notStanding(err)
	if err != nil || out.state != Pending {
		return out, err
	}
	w.advance(w.stepOf(Approve, ""))
	out.back = ""
	veto := out.events[0]
	veto.Text = "Vetoed."
	return w.lapsed(veto), nil
}

// place of an environment, read anew.
func (w *run) entries(ctx context.Context, env string) (map[string]deploy.Entry, error) {
	return w.subject.Vault.Read(ctx, env, w.subject.Variables)
}

// arrived reports that an environment holds the credential that this rotation
// has begun to write there.
func (w *run) arrived(ctx context.Context, env string) (bool, error) {
	entries, err := w.entries(ctx, env)
	if err != nil {
		return false, err
	}
	place, now := w.r.Places[env], w.e.held(entries)
	switch {
	case moved(now, place.Before):
		for name, h := range now {
			place.Before[name] = h
		}
		return false, nil
	case place.New.Fingerprint != "" && later(now, place.Before) && w.e.fingerprint(valuesOf(entries)) == place.New.Fingerprint:
		w.wrote(env, entries, place.New)
		return true, nil
	default:
		return false, fault.New("looking at "+env+" before the credential is replaced", fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
	}
}
