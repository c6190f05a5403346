package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

// evidence is what an approval is given on. Whatever changes its hash voids
// the approval. Deployment ids are shown and journalled, not hashed: a
// colleague's deployment that proves the same credential changes nothing that
// was approved.
type evidence struct {
	Plan    string                   `json:"plan"`
	Places  map[string]placeEvidence `json:"places"`
	Verdict watch.Verdict            `json:"verdict"`
	Base    providers.Shape          `json:"shape"`
	// Where people approve before anything is issued: what it will cost, and
	// where the old one is refused already.
	Gap  string   `json:"gap,omitempty"`
	Dead []string `json:"dead,omitempty"`
}

type placeEvidence struct {
	Old, New     providers.ID
	Fingerprints map[string]secret.Fingerprint
	Versions     map[string]int
	Certificate  string
}

// evidence collects what is known now from the record.
func (w *run) evidence() (string, error) {
	if w.r.Cell.Ahead() {
		return w.evidenceAhead()
	}
	if w.r.Cell.RevokeFirst {
		return w.evidenceRevoke()
	}
	ev := evidence{Plan: w.r.PlanHash, Places: make(map[string]placeEvidence), Base: w.r.Cell.Shape}
	if v := w.r.Vigils[Watch]; v != nil && w.r.precedes(Step{Act: Watch}) {
		ev.Verdict = v.Verdict
	}
	for env, p := range w.r.Places {
		pe := placeEvidence{Old: p.Old.ID, New: p.New.ID, Fingerprints: make(map[string]secret.Fingerprint), Versions: make(map[string]int)}
		if w.r.precedes(Step{Prove, env}) {
			pe.Certificate = w.r.Proofs[env].evident()
		}
		for name, h := range p.approved() {
			pe.Fingerprints[name], pe.Versions[name] = h.Fingerprint, h.Version
		}
		ev.Places[env] = pe
	}
	return hashOf(ev)
}

// precedes reports that people are asked after a step: what it shows is part of
// what they decide on. What comes later makes their decision neither better nor
// worse.
func (r *Rotation) precedes(s Step) bool {
	at := slices.Index(r.Plan, s)
	return at >= 0 && at < slices.IndexFunc(r.Plan, func(s Step) bool { return s.Act == Approve })
}

func (w *run) cardNumber() int {
	if w.r.Card == nil {
		return 0
	}
	return w.r.Card.Number
}

// approve asks people, once per card, and waits. A card is asked for only on
// fresh life certificates. Marks come in through [Engine.Consider].
func (w *run) approve(ctx context.Context) (outcome, error) {
	if c := w.r.Card; c != nil {
		switch c.State {
		case CardApproved:
			return finished("")
		case CardOpen:
			return w.waitForCard(ctx, c)
		}
	}
	if w.r.Cell.Ahead() {
		return w.approveAhead(ctx)
	}
	for _, env := range w.r.witnessed() {
		cert, err := w.certify(ctx, env)
		if err != nil {
			return outcome{}, err
		}
		w.certified(env, cert)
	}
	if why, err := w.blocked(ctx); err != nil || why != "" {
		return w.hindered(why), err
	}
	hash, err := w.evidence()
	if err != nil {
		return outcome{}, err
	}
	card := w.newCard(hash)
	condition, err := w.oldCondition(ctx)
	if err != nil {
		return outcome{}, err
	}
	if condition["uses"], err = w.uses(ctx); err != nil {
		return outcome{}, err
	}
	card.OldRefused = condition["old_refused"]
	if card.Harm, err = w.harm(ctx); err != nil {
		return outcome{}, err
	}
	text := fmt.Sprintf("May %s be revoked now? It will be %s.", w.r.Olds(), w.r.EndIs())
	if condition["list_only"] != "" {
		text += " Its old value can no longer be read in the vault: only the service's list can prove its death."
	}
	ask, err := w.request(ctx, card, event.Event{Kind: event.Card, Card: card.Number, Facts: w.cardFacts(hash, condition), Text: text})
	return outcome{state: Asking, wake: w.firstLook(card), events: []event.Event{ask}}, err
}

// oldCondition tells what a card must say of the old credentials:
// "old_refused" is the answer of a service that refuses one already, because
// somebody ended it outside of this rotation; "switched_off" that this rotation
// did so, under an approval that fell; "list_only" that one's value can
// no longer be read, so that it cannot be probed. What is unclear is not
// called refused: "old_unclear" says so in words.
func (w *run) oldCondition(ctx context.Context) (map[string]string, error) {
	facts := make(map[string]string)
	for _, env := range w.r.environments() {
		if env != Production && w.r.Cell.Shared {
			continue // the same credential, and production's is the one to be probed
		}
		old, err := w.stale(ctx, env)
		if err != nil {
			return nil, err
		}
		found, err := w.sighted(ctx, env, old)
		if err != nil {
			return nil, err
		}
		switch {
		case found.Liveness == providers.Refused && w.endedBy(env):
			facts["switched_off"] = "true"
		case found.Liveness == providers.Refused:
			facts["old_refused"] = found.Answer
		case found.Liveness != providers.Alive && !w.endedBy(env):
			facts["old_unclear"] = w.r.Lives()
		}
		if old == nil {
			facts["list_only"] = "true"
		}
	}
	return facts, nil
}

// endedBy reports whether this rotation has ended an environment's old credential
// already, for good or not.
func (w *run) endedBy(env string) bool {
	if w.r.Cell.Shared {
		env = ""
	}
	_, begun := w.r.Ends[env]
	return begun
}

// cardFacts is what the card says beside the record.
func (w *run) cardFacts(evidence string, condition map[string]string) map[string]string {
	facts := map[string]string{
		"plan": w.r.PlanHash, "evidence": evidence, "old": string(w.r.Old().ID), "new": string(w.r.New().ID),
		"quorum": fmt.Sprint(max(w.subject.Policy.Quorum, 1)), "self": fmt.Sprint(w.policy().SelfApproval),
		"also_in": strings.Join(w.subject.AlsoIn, ", "),
	}
	if !w.r.Cell.Shared {
		facts["old_staging"], facts["new_staging"] = string(w.r.Places[Staging].Old.ID), string(w.r.Places[Staging].New.ID)
	}
	maps.Copy(facts, condition)
	return facts
}

func (w *run) waitForCard(ctx context.Context, c *Card) (outcome, error) {
	if c.Together {
		return w.waitTogether(ctx, c)
	}
	if w.r.Cell.Mode == Emergency {
		return w.remind(c)
	}
	if c.Expires.IsZero() || time.Now().Before(c.Expires) {
		return outcome{state: Asking, wake: c.Expires}, nil
	}
	c.State = CardExpired
	if w.r.Cell.Ahead() {
		return w.lapsed(event.Event{Kind: event.Expired, Card: c.Number, Text: "Nobody approved in time."}), nil
	}
	return outcome{state: Pending, events: []event.Event{
		{Kind: event.Expired, Card: c.Number, Text: "Nobody approved in time. " + w.r.Safe() + " " + w.unsettled()},
	}}, nil
}

// unsettled says what a card that led to nothing leaves behind. It is part of
// that message, so that people are called once.
func (w *run) unsettled() string {
	switch {
	case len(w.r.Ends) == 0 && w.r.Cell.RevokeFirst:
		return "Revocation pending: the leaked key lives, and no new one was made."
	case len(w.r.Ends) > 0:
		return "Revocation pending: the end of the old key was begun and is not finished."
	case w.r.OldRefused() != "":
		return "Revocation pending: the service refuses the old key already, and nobody has approved its end."
	}
	return "Revocation pending: both keys live."
}

// vetoed tells of a veto, and why where that was said.
func (w *run) vetoed(v Vote, how string) event.Event {
	e := event.Event{Kind: event.Denied, Card: w.cardNumber(), By: v.Person.ID, Path: v.Path, Text: how + w.r.Safe() + " " + w.unsettled()}
	if v.Reason != "" {
		e.Facts = map[string]string{"reason": v.Reason}
	}
	return e
}

func (w *run) pending() event.Event {
	return event.Event{Kind: event.Pending, Text: w.unsettled() + " `/rotate retry " + w.r.Secret + "` asks again on a fresh proof."}
}

// standing holds the approval against the world and then against its own
// source, immediately before an act it allows. The source comes last: taking life
// certificates can last minutes, and whoever withdraws meanwhile must be heard.
// Any difference voids the approval: *voided or *denied tells why. Other errors
// mean that it could not be told.
func (w *run) standing(ctx context.Context, s Step) error {
	c := w.r.approval()
	if c == nil || c.State != CardApproved {
		return &voided{why: "there is no approved card"}
	}
	for _, env := range w.r.vouched() {
		cert, err := w.vouch(ctx, env)
		if differs(err) {
			return &voided{why: strings.TrimSuffix(what(w.r, fault.Of(err)), "."), failing: fault.Is(err, fault.Failing)}
		}
		if err != nil {
			return err
		}
		if cert.Kind != "" {
			w.certified(env, cert)
		}
	}
	if hash, err := w.evidence(); err != nil || hash != c.Evidence {
		return &voided{why: "the evidence on the card is no longer what is found"}
	}
	if err := errors.Join(w.stillOff(ctx, s), w.productionApart(ctx)); err != nil {
		return err
	}
	return w.stillApproved(ctx, c)
}

// stillApproved counts the marks on an approved card anew. A source that takes
// longer to answer than a certificate stays fresh is asked again later, on new
// certificates.
func (w *run) stillApproved(ctx context.Context, c *Card) error {
	ctx, cancel := context.WithTimeout(ctx, w.subject.Pace.Fresh)
	defer cancel()
	shown, err := w.marked(ctx)
	if fault.Is(err, fault.ChangedByOther) {
		return &voided{why: "the request on which it was given no longer says what it said"}
	}
	if err != nil {
		return err
	}
	marks, err := w.e.config.Ballot.Marks(ctx, shown, c.Number)
	if err != nil {
		return &fault.Error{Op: "asking whether the approval still stands", Class: fault.Again, Reason: fault.Unreachable, Err: err}
	}
	switch t := w.policy().Count(w.r.Requester, c.asked(), marks, c.Approved[len(c.Approved)-1].At); t.State {
	case CardApproved:
		return nil
	case CardDenied:
		return &denied{*t.Veto}
	case CardVoid:
		return &voided{why: marks.Why}
	default:
		return &voided{why: t.lapse(c.Approved)}
	}
}

// differs reports failures of a certificate that say something about the
// world, apart from those that could not be told. They void an approval: it
// must not come back to life when, days later, the application has recovered.
func differs(err error) bool {
	return fault.Is(err, fault.ChangedByOther) || fault.Is(err, fault.Unproved) || fault.Is(err, fault.Failing)
}

// lapse says why too few of the approvals given are left.
func (t Tally) lapse(given []Vote) string {
	for _, f := range t.Refused {
		if voted(given, f.Person) {
			return "somebody who approved is not entitled to any more"
		}
	}
	return "an approval was withdrawn"
}

// asked is the card as it was when people were asked: counting again at the
// act must not find it answered, nor expired after it was approved in time.
func (c Card) asked() Card {
	c.State = CardOpen
	return c
}

// voided says why an approval does not stand.
type voided struct {
	why     string
	failing bool // because the application is failing
	revived bool // because what was switched off is accepted again
}

func (v *voided) Error() string { return "the approval does not stand: " + v.why }

// denied says who vetoed after an approval.
type denied struct{ veto Vote }

func (d *denied) Error() string { return "vetoed by " + d.veto.Person.ID }
