package rotation

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/rotation/event"
	"rekey/state"
)

// Order asks for a rotation.
type Order struct {
	Secret    string // its catalogue name, in any case
	Requester Person
	Mode      Mode   // "" is routine
	Reason    string // mandatory in an emergency
	// Environment names the credential that leaked where each environment has its
	// own: "" is production's.
	Environment string
	// RevokeFirst ends the old credential before there is a new one; in an
	// emergency only.
	RevokeFirst bool
	// Drill rehearses an emergency, on a canary only.
	Drill bool
	// Seen is when what the person acts on was true, zero for what they know
	// themselves. A secret that was rotated since is left alone.
	Seen time.Time
	// Exposed is since when the secret may have been known to others, where the
	// person says so; zero otherwise.
	Exposed time.Time

	id, batch string // of an emergency that a batch begins: its own id, and the batch's key
}

// Preview is a dry run: what a rotation would do, found by a survey that
// wrote nothing.
type Preview struct {
	Subject  Subject
	Rotation *Rotation // as it would start; never stored
}

// subject finds a configured secret.
func (e *Engine) subject(name string) (Subject, error) {
	for _, known := range e.names {
		if s := e.subjects[known]; s.Matches(name) {
			return s, nil
		}
	}
	return Subject{}, &Refusal{Code: UnknownSecret, Sentence: "No secret of that name is configured here. `/rotate` lists them."}
}

// Preview surveys and plans, and changes nothing.
func (e *Engine) Preview(ctx context.Context, secret string) (*Preview, error) {
	s, err := e.subject(secret)
	if err != nil {
		return nil, err
	}
	found, err := e.survey(ctx, s, routineWish)
	if err != nil {
		return nil, surveyRefusal(s, err)
	}
	return &Preview{Subject: s, Rotation: found.rotation("", Order{Secret: s.Name}, time.Now())}, nil
}

// surveyRefusal puts what stopped a survey into a sentence.
func surveyRefusal(s Subject, err error) error {
	var p *PlanError
	if errors.As(err, &p) {
		return &Refusal{Code: NotPlannable, Sentence: p.Sentence, Err: err}
	}
	return &Refusal{Code: SurveyStopped, Sentence: "Rekey looked at " + s.Name + " and stopped before changing anything. " + what(nil, fault.Of(err)), Err: err}
}

// Start surveys, plans and begins a rotation. When it returns the
// rotation is stored and will go on, on this replica or another.
func (e *Engine) Start(ctx context.Context, o Order) (*Rotation, error) {
	s, err := e.subject(o.Secret)
	if err != nil {
		return nil, err
	}
	o.Secret = s.Name
	if o.Mode == Rollback {
		return nil, &Refusal{Code: NotPlannable, Sentence: "A rollback turns an open rotation around and is not started by itself: `/rotate rollback " + s.Name + "`."}
	}
	if o.Mode == Emergency {
		return e.alarm(ctx, s, o)
	}
	if err := errors.Join(e.free(ctx, s), e.still(ctx, s, o.Seen)); err != nil {
		return nil, err
	}
	found, err := e.survey(ctx, s, o.wish())
	if err != nil {
		return nil, surveyRefusal(s, err)
	}
	r := found.rotation(newID(), o, time.Now())
	return r, e.create(ctx, s, r)
}

// free refuses early what creating would refuse anyway, before a survey asks
// the outside for nothing.
func (e *Engine) free(ctx context.Context, s Subject) error {
	open, err := e.Open(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		if r.Secret == s.Name {
			return inTheWay(r)
		}
	}
	return nil
}

func inTheWay(r *Rotation) error {
	sentence := fmt.Sprintf("A rotation of %s is open already (%s), started by <@%s>.", r.Secret, r.State, user(r.Requester))
	if r.State == Pending {
		sentence += " Settle it first: `/rotate retry " + r.Secret + "`."
	}
	return &Refusal{Code: AlreadyRunning, Sentence: sentence, Other: r}
}

// user is the part of a person's id that their workspace knows.
func user(p Person) string {
	_, id, found := strings.Cut(p.ID, "/")
	if !found {
		return p.ID
	}
	return id
}

func (e *Engine) create(ctx context.Context, s Subject, r *Rotation) error {
	body, err := encodeRecord(r)
	if err != nil {
		return err
	}
	events, err := journalled([]event.Event{{Kind: event.Started, By: r.Requester.ID, Text: r.Reason, Facts: map[string]string{"plan": r.PlanHash, "old": string(r.Old().ID)}}})
	if err != nil {
		return err
	}
	err = e.config.Store.Create(ctx, state.Creation{
		Key: r.Key(), Slots: append([]string{"secret/" + s.Name}, s.Slots...),
		Change: state.Change{Body: body, Events: events, Timer: time.Now()},
	})
	if err != nil && e.arrived(ctx, r) {
		return nil // sent twice, or its answer was lost
	}
	var taken *state.SlotError
	if errors.As(err, &taken) {
		return e.slotRefusal(ctx, s, taken)
	}
	if err != nil {
		return fmt.Errorf("storing a new rotation of %s: %w", s.Name, err)
	}
	return nil
}

// arrived reports whether a rotation is stored although creating it failed:
// whoever was told otherwise would not know of it.
func (e *Engine) arrived(ctx context.Context, r *Rotation) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	stored, err := e.Load(ctx, r.Key())
	return err == nil && stored.Secret == r.Secret && stored.Requester == r.Requester && stored.Started.Equal(r.Started)
}

func (e *Engine) slotRefusal(ctx context.Context, s Subject, taken *state.SlotError) error {
	other, err := e.Load(ctx, taken.Holder)
	switch {
	case err != nil:
		return &Refusal{Code: SlotTaken, Sentence: "Another rotation is in the way; ask again when it is done.", Err: err}
	case other.Secret == s.Name:
		return inTheWay(other)
	default:
		return &Refusal{Code: SlotTaken, Sentence: fmt.Sprintf("The rotation of %s uses the same account and would disturb this one. Ask again when it is done.", other.Secret), Other: other}
	}
}

// newID is 10 characters of 5 random bits each: rotations are few, and the
// store refuses an id that is taken.
func newID() string {
	raw := make([]byte, 10)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:10]
}

// Cancel stops a rotation. Before anything was made it is closed; after that
// it stays open, because both credentials live and somebody has to settle it.
func (e *Engine) Cancel(ctx context.Context, secret string, by Person) (*Rotation, error) {
	return e.change(ctx, secret, func(ctx context.Context, w *run) error {
		if w.r.Cell.Mode == Rollback {
			return w.stopReturn(ctx, by)
		}
		if w.r.Cell.Ahead() {
			return w.cancelAhead(ctx, by)
		}
		if w.undoable() && !w.r.Cell.RevokeFirst {
			return w.undo(ctx, by)
		}
		if w.retiringHeld() {
			return w.stopRetiring(ctx, by)
		}
		if w.r.stopsRevoking() {
			return &Refusal{Code: NotNow, Sentence: "The end of the old key was already requested, and only a new one ends the outage. " + w.r.Safe()}
		}
		if len(w.r.Ends) > 0 {
			return &Refusal{Code: NotNow, Sentence: "The end of the old key was already requested, so there is nothing left to cancel. Rekey goes on proving that it is dead."}
		}
		return w.cancel(ctx, by)
	})
}

// undoable reports whether everything that was ended can be switched on again.
func (w *run) undoable() bool {
	for _, e := range w.r.Ends {
		if !e.Disabled {
			return false
		}
	}
	return len(w.r.Ends) > 0
}

// undo switches the old credentials on again: an act towards safety, which does
// not wait for the journal. Then both live, and the rotation waits to be settled.
func (w *run) undo(ctx context.Context, by Person) error {
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, w.switchOn)
	if w.lease = lease; err != nil {
		return &Refusal{Code: NotNow, Sentence: "The old key could not be switched on again. " + what(w.r, fault.Of(err)) + " " + w.r.Safe(), Err: err}
	}
	w.withdraw()
	w.advance(w.stepOf(Approve, ""))
	w.r.State, w.r.Wake = Pending, time.Time{}
	return w.commit(ctx, []event.Event{
		{Kind: event.Cancelled, By: by.ID, Text: "The old key was switched on again. " + w.r.Safe()}, w.pending(),
	}, state.Change{Release: true})
}

// turnedDown is the reason of a stop after which a person's word means that
// the vault no longer keeps our write, and that none is on its way.
const turnedDown = "cancelled while the vault held a write"

// writeAgain forgets writes that the vault holds or may hold. A new credential
// has its value in that write alone: taken for lost, it would be deleted, and
// merging the write later would bring a dead key back. That takes the word of a
// person who was asked to look, for one of the reasons.
func (w *run) writeAgain(asked ...string) {
	step, _ := w.r.Step()
	looked := w.r.Problem != nil && slices.Contains(asked, w.r.Problem.Reason)
	for env, p := range w.r.Places {
		if !step.creates() || looked {
			p.HeldSince = time.Time{}
		}
		if step.creates() && looked && !w.r.Wrote(env) {
			p.New = Known{} // somebody has looked: nothing waits there
		}
		w.r.Places[env] = p
	}
}

// creates reports a step whose value exists in its first write alone.
func (s Step) creates() bool { return s.Act == Issue || s.Act == Make }

// unsettledAtIssue reports whether the step at the cursor has sent the new
// credential to the vault, the only place where its value is, and it is not
// known whether it arrived.
func (w *run) unsettledAtIssue() bool {
	step, ok := w.r.Step()
	return ok && step.creates() && w.r.Places[step.Environment].New.ID != "" && !w.r.Wrote(step.Environment)
}

// stopUnsettled stops and says what has to be done in the vault before the new
// credential may be deleted.
func (w *run) stopUnsettled(ctx context.Context, by Person) error {
	secret := w.r.Secret
	p := Problem{Step: w.at(), Reason: turnedDown, What: "Cancelled by <@" + user(by) + ">.", Safe: w.r.Safe(),
		Next: "Look into the vault first, and turn down what waits there for approval: merged later it would bring a dead key back. Then `/rotate cancel " + secret + "` deletes the new key, or `/rotate retry " + secret + "` makes another one."}
	w.r.State, w.r.Problem, w.r.Wake = Stuck, &p, time.Time{}
	return w.commit(ctx, []event.Event{{Kind: event.Cancelled, By: by.ID, Text: p.Safe + " " + p.Next}}, state.Change{Release: true})
}

func (w *run) cancel(ctx context.Context, by Person) error {
	if w.writeAgain(turnedDown); w.unsettledAtIssue() {
		return w.stopUnsettled(ctx, by)
	}
	if step, ok := w.r.Step(); ok && step.Act == Issue && w.r.Issues > 0 {
		if err := w.sweepKept(ctx); err != nil {
			return &Refusal{Code: NotNow, Sentence: "It was not cancelled, because it could not be told whether a new key exists at " + w.r.Traits.Service + ". " + what(w.r, fault.Of(err)), Err: err}
		}
		if err := w.mayShowLate(); err != nil {
			return err
		}
	}
	ev := event.Event{Kind: event.Cancelled, By: by.ID}
	events := []event.Event{ev}
	change := state.Change{Release: true}
	switch {
	case w.r.Wrote(w.r.front()):
		w.withdraw()
		w.advance(w.stepOf(Approve, ""))
		w.r.State = Pending
		events[0].Text = w.r.Safe()
		events = append(events, w.pending())
	case w.r.Wrote(Staging):
		p := Problem{Step: w.at(), Reason: "cancelled", What: "Cancelled by <@" + user(by) + ">.", Safe: w.r.Safe(), Next: "`/rotate retry " + w.r.Secret + "` goes on from here."}
		w.r.State, w.r.Problem = Stuck, &p
		events[0].Text = p.Safe + " " + p.Next
	default:
		w.r.State, w.r.Ended, change.Close = Abandoned, time.Now(), true
		events[0].Text = w.nothingLeft() + w.leftovers()
	}
	w.r.Errand = nil
	w.r.Wake = time.Time{}
	return w.commit(ctx, events, change)
}

// mayShowLate refuses to close a rotation whose creation was never answered
// before the service has had the time it may take to list what it made.
func (w *run) mayShowLate() error {
	if w.r.Wrote(Staging) || w.r.Wrote(Production) {
		return nil // it stays open
	}
	for _, label := range sortedKeys(w.r.Loose) {
		if wait := time.Until(w.r.Loose[label].Add(w.r.Traits.Waits.Settle)); wait > 0 {
			return &Refusal{Code: NotNow, Sentence: fmt.Sprintf("It was not cancelled yet: the creation of `%s` was not answered, and %s may list late what it made. Ask again in %s.",
				label, w.r.Traits.Service, max(human(wait), time.Second))}
		}
	}
	return nil
}

// nothingLeft is what is true of keys when a rotation is closed before any
// environment was written.
func (w *run) nothingLeft() string {
	if late := unseen(w.r); late != "" {
		return w.r.Lives() + " Nothing was revoked." + late
	}
	return w.r.Lives() + " No new key exists."
}

// leftovers says what an errand that was called off may leave behind.
func (w *run) leftovers() string {
	if w.r.Errand == nil {
		return ""
	}
	return fmt.Sprintf(" Rekey no longer looks into the inbox (%s): remove what lies there, and any key that was made under another name than `%s`.",
		w.subject.Stages[w.r.Errand.Environment].Inbox, w.r.Errand.Label)
}

// sweepKept sweeps outside of a drive, with the lease kept meanwhile: a
// service may take its time to list.
func (w *run) sweepKept(ctx context.Context) error {
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, w.sweep)
	w.lease = lease
	return err
}

// withdraw voids a card that is open.
func (w *run) withdraw() {
	if c := w.r.Card; c != nil && (c.State == CardOpen || c.State == CardApproved) {
		c.State = CardVoid
	}
}

func (w *run) at() string {
	s, _ := w.r.Step()
	return s.String()
}

// Retry goes on where a rotation stopped. One whose revocation is pending
// asks again, on a fresh life certificate and a new card.
func (e *Engine) Retry(ctx context.Context, secret string, by Person) (*Rotation, error) {
	return e.change(ctx, secret, func(ctx context.Context, w *run) error {
		if w.r.State != Stuck && w.r.State != Pending {
			return &Refusal{Code: NotNow, Sentence: fmt.Sprintf("The rotation of %s is %s; there is nothing to retry.", w.r.Secret, w.r.State)}
		}
		if w.r.Closing {
			return &Refusal{Code: NotNow, Sentence: "It is called off already, and over as soon as the application's work goes on."}
		}
		w.writeAgain(turnedDown, string(fault.Unsettled))
		if w.onwards() {
			return w.goForward(ctx, by)
		}
		w.r.State, w.r.Problem, w.r.Attempt = Running, nil, 0
		w.r.Errand.anew(time.Now())
		if s, ok := w.r.Step(); ok && s.Act != Issue {
			w.r.Begun = false
		} else {
			// Issue keeps its intent: entered again it looks for what an
			// earlier attempt may have left before it makes another one.
			w.r.Limit = w.r.Issues + maxIssues
		}
		w.pausedAgain()
		return w.commit(ctx, []event.Event{{Kind: event.Retried, By: by.ID}}, state.Change{Timer: time.Now(), Release: true})
	})
}

// change holds the open rotation of a secret and applies a person's wish.
func (e *Engine) change(ctx context.Context, secret string, wish func(context.Context, *run) error) (*Rotation, error) {
	s, err := e.subject(secret)
	if err != nil {
		return nil, err
	}
	open, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		if r.Secret != s.Name {
			continue
		}
		w, err := e.holdSoon(ctx, r.Key())
		if err != nil {
			return nil, err
		}
		defer w.release(ctx)
		return w.r, wish(ctx, w)
	}
	return nil, &Refusal{Code: NoRotation, Sentence: "No rotation of " + s.Name + " is open."}
}

// holdSoon waits for an act under way to end. Acts are short; what is long is
// trigger and poll, with the lease given up between.
func (e *Engine) holdSoon(ctx context.Context, key string) (*run, error) {
	const tries = 40
	for range tries {
		w, err := e.hold(ctx, key)
		if !errors.Is(err, state.ErrHeld) {
			return w, err
		}
		if !pause(ctx, e.config.Lease/tries) {
			break
		}
	}
	return nil, &Refusal{Code: Busy, Sentence: "The rotation is in the middle of an act. Ask again in a few seconds."}
}

// Consider counts the marks on a card and records the result. It is called
// whenever a card may have changed; the same marks change nothing twice. Only
// the card in the record can be decided; an older one gives refusals only.
func (e *Engine) Consider(ctx context.Context, key string, card int, m Marks) (Tally, error) {
	w, err := e.holdSoon(ctx, key)
	if err != nil {
		return Tally{}, err
	}
	defer w.release(ctx)
	c := w.r.Card
	if c == nil || c.Number != card {
		return Tally{State: CardVoid}, nil
	}
	t := w.policy().Count(w.r.Requester, *c, m, time.Now())
	if c.State != CardOpen || t.State == CardOpen {
		return t, nil
	}
	return t, w.decide(ctx, t, m)
}

// decide commits what a card came to.
func (w *run) decide(ctx context.Context, t Tally, m Marks) error {
	c := w.r.Card
	c.State, w.r.Wake = t.State, time.Time{}
	change := state.Change{Release: true}
	var events []event.Event
	switch t.State {
	case CardApproved:
		c.Approved, w.r.State, change.Timer = t.Votes, Running, time.Now()
		for _, v := range t.Votes {
			ev := event.Event{Kind: event.Approved, Card: c.Number, By: v.Person.ID, Path: v.Path}
			if c.About != "" {
				ev.Facts = map[string]string{"about": c.About, "answer": v.Answer}
			}
			events = append(events, ev)
		}
	case CardDenied:
		c.Denied, w.r.State = t.Veto, Pending
		if c.About == AboutVault {
			return w.decideVault(ctx, w.vetoed(*t.Veto, ""))
		}
		if w.r.beforehand() {
			veto := w.vetoed(*t.Veto, "")
			veto.Text = "" // what follows says it
			return w.decideAhead(ctx, veto)
		}
		events = []event.Event{w.vetoed(*t.Veto, "")}
	case CardExpired:
		w.r.State = Pending
		if w.r.beforehand() {
			return w.decideAhead(ctx, event.Event{Kind: event.Expired, Card: c.Number, Text: "Nobody approved in time."})
		}
		events = []event.Event{{Kind: event.Expired, Card: c.Number, Text: "Nobody approved in time. " + w.r.Safe() + " " + w.unsettled()}}
	case CardVoid:
		w.r.State = Pending
		if c.About == AboutVault {
			return w.decideVault(ctx, event.Event{Kind: event.Void, Card: c.Number, Text: m.Why})
		}
		if w.r.beforehand() {
			return w.decideAhead(ctx, event.Event{Kind: event.Void, Card: c.Number, Text: m.Why})
		}
		events = []event.Event{{Kind: event.Void, Card: c.Number, Text: m.Why + " " + w.r.Safe()}, w.pending()}
	}
	return w.commit(ctx, events, change)
}
