package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// AboutVault is what a card is about that asks whether the vault, where the leak
// may have been, is closed. It is stored.
const AboutVault = "vault"

// The two answers to it. They are stored.
const (
	VaultIsClosed = ""         // what a plain yes means
	VaultNotLeak  = "not leak" // the value got out by another way
)

// revoking is what a step does otherwise where the old credential ends before
// there is a new one; nil where it does the same, and in other plans.
func (w *run) revoking(s Step) func(context.Context) (outcome, error) {
	if !w.r.Cell.RevokeFirst {
		return nil
	}
	switch s.Act {
	case Approve:
		return w.approveRevoke
	case VaultClosed:
		return w.vaultClosed
	case Issue:
		return func(ctx context.Context) (outcome, error) { return w.succeed(ctx, s.Environment) }
	default:
		return nil
	}
}

// approval is the card under which the old credential ends: the latest one, or
// the one before it where that asks about the vault.
func (r *Rotation) approval() *Card {
	if r.Card != nil && r.Card.About == AboutVault {
		return r.Allowed
	}
	return r.Card
}

// CardOf is a card that counts, by its number; nil for one that was replaced.
func (r *Rotation) CardOf(number int) *Card {
	for _, c := range []*Card{r.Card, r.Allowed} {
		if c != nil && c.Number == number {
			return c
		}
	}
	return nil
}

// beforehand reports that people decide before anything was done: a no ends the
// rotation.
func (r *Rotation) beforehand() bool {
	return r.Cell.Ahead() || r.Cell.RevokeFirst && len(r.Ends) == 0
}

// evidenceRevoke is what an approval is given on where the old one ends first:
// the old ones as the vault holds them, and what it will cost. There is no
// certificate: nothing new exists, and whether the application runs is no reason
// to wait. It stays as it is when a new one is written, so that one approval
// covers an end that has to be repeated.
func (w *run) evidenceRevoke() (string, error) {
	ev := evidence{Plan: w.r.PlanHash, Places: make(map[string]placeEvidence), Base: w.r.Cell.Shape, Gap: w.r.Outage()}
	for env, p := range w.r.Places {
		pe := placeEvidence{Old: p.Old.ID, Fingerprints: make(map[string]secret.Fingerprint), Versions: make(map[string]int)}
		for name, h := range p.Before {
			pe.Fingerprints[name], pe.Versions[name] = h.Fingerprint, h.Version
		}
		ev.Places[env] = pe
	}
	return hashOf(ev)
}

// approveRevoke asks people for the explicit yes to an outage.
func (w *run) approveRevoke(ctx context.Context) (outcome, error) {
	if c := w.r.approval(); c != nil && c.State == CardApproved {
		return finished("")
	} else if c != nil && c.State == CardOpen {
		return w.waitForCard(ctx, c)
	}
	for _, env := range w.r.vouched() {
		if _, err := w.vouch(ctx, env); err != nil {
			return outcome{}, err
		}
	}
	condition, err := w.oldCondition(ctx)
	if err != nil {
		return outcome{}, err
	}
	hash, err := w.evidenceRevoke()
	if err != nil {
		return outcome{}, err
	}
	card := w.newCard(hash)
	card.Outage, card.OldRefused = w.r.Outage(), condition["old_refused"]
	condition["outage"] = card.Outage
	if card.Harm, err = w.harm(ctx); err != nil {
		return outcome{}, err
	}
	w.r.Card, w.r.Allowed = card, nil
	return outcome{state: Asking, wake: w.firstLook(card), events: []event.Event{{
		Kind: event.Card, Card: card.Number, Facts: w.cardFacts(hash, condition),
		Text: fmt.Sprintf("May %s end now, before there is a new key? It will be %s. %s", w.r.Olds(), w.r.EndIs(), card.Outage),
	}}}, nil
}

// vaultClosed has a person say that whoever read the old value in the vault
// cannot read the next one there, or that the vault was not the leak. Until then
// nothing new is made.
func (w *run) vaultClosed(ctx context.Context) (outcome, error) {
	if w.r.Wrote(w.r.front()) {
		return finished("") // on the way again, after an old one that came back to life
	}
	c := w.r.Card
	if c != nil && c.About == AboutVault && c.State == CardApproved {
		return finished(vaultWords(c))
	} else if c != nil && c.About == AboutVault && c.State == CardOpen {
		return w.waitForCard(ctx, c)
	}
	hash, err := w.evidenceVault()
	if err != nil {
		return outcome{}, err
	}
	card := w.newCard(hash)
	card.About = AboutVault
	w.r.Allowed, w.r.Card = w.r.approval(), card
	facts := w.cardFacts(hash, map[string]string{"about": AboutVault})
	return outcome{state: Asking, wake: w.firstLook(card), events: []event.Event{{
		Kind: event.Card, Card: card.Number, Facts: facts, Text: "Is the vault closed to whoever read the old key, or was the vault not the leak? Nothing new is made before somebody says so. " + w.r.Safe(),
	}}}, nil
}

// evidenceVault is what somebody confirms: this plan, and that these are dead.
func (w *run) evidenceVault() (string, error) {
	dead := make(map[string]time.Time)
	for scope, e := range w.r.Ends {
		dead[scope] = e.Dead.UTC()
	}
	return hashOf(struct {
		Plan, About string
		Dead        map[string]time.Time
	}{w.r.PlanHash, AboutVault, dead})
}

// vaultWords says what was confirmed, and by whom.
func vaultWords(c *Card) string {
	said := "the vault is closed"
	for _, v := range c.Approved {
		if v.Answer == VaultNotLeak {
			said = "the vault was not the leak"
		}
	}
	var names []string
	for _, v := range c.Approved {
		names = append(names, "<@"+user(v.Person)+">")
	}
	return fmt.Sprintf("%s said: %s. A new key may be made now.", strings.Join(names, " and "), said)
}

// succeed makes the new credential, now that the old one is dead: while the word
// of whoever closed the vault stands.
func (w *run) succeed(ctx context.Context, env string) (outcome, error) {
	p := w.r.Places[env]
	if w.r.Wrote(env) && w.r.Errand == nil {
		return finished("")
	}
	if p.New.ID == "" && w.r.Errand == nil {
		if err := w.stillClosed(ctx); err != nil {
			w.unsent()
			return w.reopened(err)
		}
	}
	return w.issue(ctx, env)
}

func (w *run) stillClosed(ctx context.Context) error {
	c := w.r.Card
	if c == nil || c.About != AboutVault || c.State != CardApproved {
		return &voided{why: "nobody has said that the vault is closed"}
	}
	return w.stillApproved(ctx, c)
}

// reopened is what follows when the word of whoever closed the vault is taken
// back before a new credential was made.
func (w *run) reopened(err error) (outcome, error) {
	out, err := w.notStandingOn(w.r.Card, err)
	if err != nil {
		return out, err
	}
	if out.state != Pending {
		out.back = VaultClosed
		return out, nil
	}
	w.advance(w.stepOf(VaultClosed, ""))
	return w.vaultOpen(out.events[0]), nil
}

// vaultOpen stops until the vault is closed.
func (w *run) vaultOpen(ev event.Event) outcome {
	p := Problem{Step: w.at(), Reason: "vault not closed", What: "The vault is not closed.", Safe: w.r.Safe(),
		Next: "Close it, then `/rotate retry " + w.r.Secret + "` asks again. Nothing new is made before."}
	w.r.Problem = &p
	ev.Text = strings.TrimSpace(p.What + " " + p.Safe + " " + p.Next)
	return outcome{state: Stuck, events: []event.Event{ev}}
}

// decideVault commits that the vault is not closed.
func (w *run) decideVault(ctx context.Context, ev event.Event) error {
	out := w.vaultOpen(ev)
	w.r.State, w.r.Wake = out.state, time.Time{}
	return w.commit(ctx, out.events, state.Change{Release: true})
}

// stopsRevoking reports that nothing but going on helps any more.
func (r *Rotation) stopsRevoking() bool { return r.Cell.RevokeFirst && len(r.Ends) > 0 }

// survives is a kind whose credential in use has ended.
func (w *run) survives(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	s, can := w.subject.Provider.(providers.Survivor)
	if !can {
		return nil, fault.New("going on without the old credential", fault.Unsupported, w.r.Traits.Kind+" cannot be made without it")
	}
	known := make(map[string]providers.Credential)
	for env, values := range current {
		c, err := w.recognised(env, values)
		if err != nil {
			return nil, err
		}
		known[env] = c
	}
	return s.Survive(ctx, w.r.Traits, known, providers.Model(w.r.Model))
}

// recognised is what an environment holds, as the record knows it.
func (w *run) recognised(env string, values providers.Values) (providers.Credential, error) {
	mark := w.e.fingerprint(values)
	for _, k := range []Known{w.r.Places[env].Old, w.r.Places[env].New} {
		if k.Fingerprint == mark && k.ID != "" {
			return providers.Credential{ID: k.ID, Values: values, Label: k.Label, Made: k.Made, Expires: k.Expires}, nil
		}
	}
	return providers.Credential{}, fault.New("recognising what "+env+" holds", fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
}

// EndsFirst refuses, in an emergency, what cannot be ended before it has a
// successor.
func EndsFirst(s Subject, kind providers.Kind) error {
	t := wish{mode: Emergency, revokeFirst: true}.kind(kind).Traits()
	if err := Executable(Cell{Mode: Emergency, Shape: t.Shape, UndoOfEnd: t.UndoOfEnd, RevokeFirst: true, Lingers: t.Lingers != ""}); err != nil {
		return err
	}
	return revocable(s, t)
}

// revocable refuses what cannot be ended before it has a successor.
func revocable(s Subject, t providers.Traits) error {
	switch p, can := s.Provider.(providers.Survivor); {
	case t.Moves:
		return &PlanError{Sentence: "This key cannot be ended first: the service ends it only by making the next one. `/rotate-emergency " + s.Name + "` without the flag is the fastest way. Nothing was changed."}
	case !can || !p.Survives(t):
		return &PlanError{Sentence: "Rekey makes the new key of " + s.Title + " after the model of the old one, which has to live until then. `/rotate-emergency " + s.Name + "` without the flag ends it as soon as production runs on the new one. Nothing was changed."}
	default:
		return nil
	}
}
