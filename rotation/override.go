package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/rotation/watch"
	"rekey/state"
)

// Overridden is the kind of a certificate, and the verdict of a watch, that
// nobody measured: a person took it over. It is stored.
const Overridden = "overridden"

// Override is a person's word in the place of a proof that cannot be had.
type Override struct {
	Rotation string // its key
	Step     string // where it stopped, as the person saw it
	By       Person
	Standing Standing
	Reason   string // in the person's own words; foreign text
	Path     string // how it came; "" is by button
	// Plan and Stop are hashes, of the plan and of [Rotation.StopHash], where
	// the word names them: it is about nothing else.
	Plan, Stop string
	// Still tells, where it is given, who it is and what they may do, right
	// before the word is taken.
	Still func(ctx context.Context) (Person, Standing, error)
}

// Waiver is a word that was taken in the place of a proof.
type Waiver struct {
	By     Person    `json:"by"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// New is the credential that the word was about; "" in records of older
	// versions.
	New providers.ID `json:"new,omitempty"`
}

// about reports that a word is about a new credential.
func (v Waiver) about(id providers.ID) bool { return v.New == "" || v.New == id }

// words say on what people decide instead of a proof.
func (v Waiver) words() string {
	said := strings.Join(strings.Fields(strings.ReplaceAll(v.Reason, "<@", "@")), " ") // it calls nobody
	return fmt.Sprintf("not proved: <@%s> took it over because “%s”", user(v.By), said)
}

// Overridable reports that the rotation stopped at a proof that cannot be had,
// where nothing says that it would fail.
func (r *Rotation) Overridable() bool {
	if r.Cell.Mode == Rollback {
		return false // both keys live until the way back is proved
	}
	return r.State == Stuck && r.Problem != nil && r.Problem.Untold
}

// untellable reports that a stop at a step may be taken over by a person. What
// signs tokens is not: whoever is signed out by a mistake cannot be asked.
func (w *run) untellable(s Step) bool {
	return w.untold && s.Act == Prove && !w.r.deployFirst() && w.r.Cell.Mode != Rollback
}

// offered adds to a problem that a person may go on without the proof.
func (p *Problem) offered(untold bool) {
	if p.Untold = untold; untold {
		p.Next += " If the proof cannot be had, an approver may go on without it, by the button and with a reason."
	}
}

// certify takes the life certificate. Where it cannot be had, and a person has
// taken that over, it is that person's word. What disproves it counts all the same.
func (w *run) certify(ctx context.Context, env string) (Certificate, error) {
	cert, err := w.witness(ctx, env)
	waiver, taken := w.r.Waived[Step{Prove, env}.String()]
	if err == nil || !w.untold || !taken || !waiver.about(w.r.Places[env].New.ID) {
		return cert, err
	}
	current, err := w.expect(ctx, env, w.r.Places[env].After)
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{Kind: Overridden, At: time.Now(), Affected: waiver.words(), Deployment: w.r.Deploys[env].Name, Fingerprint: w.e.fingerprint(valuesOf(current))}, nil
}

// evident is what of a certificate an approval is given on.
func (c Certificate) evident() string {
	if c.Kind == Overridden {
		return c.Kind + ": " + c.Affected
	}
	return c.Kind
}

// Override goes on without a proof that cannot be had. Rekey tries once more: what
// it can tell by now counts more than anybody's word.
func (e *Engine) Override(ctx context.Context, o Override) (*Rotation, error) {
	w, err := e.holdSoon(ctx, o.Rotation)
	if err != nil {
		return nil, err
	}
	defer w.release(ctx)
	step, ok := w.r.Step()
	if !ok || !w.r.Overridable() || w.r.Problem.Step != o.Step || step.String() != o.Step || !o.about(w.r) {
		return w.r, &Refusal{Code: NotNow, Sentence: "The rotation of " + w.r.Secret + " waits for that no more. Nothing was done."}
	}
	if why := w.mayOverride(o); why != "" {
		return w.r, &Refusal{Code: NotNow, Sentence: why + " Nothing was done."}
	}
	lease, err := keeper{e.config.Store, e.config.Lease}.during(ctx, w.lease, w.refuted)
	if w.lease = lease; err != nil {
		return w.r, &Refusal{Code: NotNow, Err: err, Sentence: "Nobody can take that over. " + what(w.r, fault.Of(err)) + " Nothing was done."}
	}
	why, err := w.stillMay(ctx, o)
	if err != nil {
		return w.r, err
	}
	if why != "" {
		return w.r, &Refusal{Code: NotNow, Sentence: why + " Nothing was done."}
	}
	return w.r, w.override(ctx, step, o)
}

// mayOverride says why somebody's word does not count, or "".
func (w *run) mayOverride(o Override) string {
	p := w.policy()
	if w.r.Cell.Mode == Routine {
		p.SelfApproval = false // a second person, whatever the policy says of approvals
	}
	if why := p.objection(w.r.Requester, Mark{Person: o.By, Standing: o.Standing, Yes: true}, false); why != "" {
		return why
	}
	if strings.TrimSpace(o.Reason) == "" {
		return "Going on without a proof needs a reason."
	}
	return ""
}

// refuted looks whether the proof can be told by now, and is against it.
func (w *run) refuted(ctx context.Context) error {
	env := w.r.front()
	if !w.r.Wrote(env) {
		return nil
	}
	_, err := w.witness(ctx, env)
	if err != nil && !w.untold {
		return err
	}
	current, err := w.expect(ctx, env, w.r.Places[env].After)
	if err != nil {
		return err
	}
	found, err := w.probe(ctx, valuesOf(current))
	if err == nil && found.Liveness == providers.Refused {
		err = fault.New("trying the new key at "+w.r.Traits.Service, fault.Failing, "the service refuses it ("+found.Answer+")")
	}
	return err
}

// override commits somebody's word, and goes on.
func (w *run) override(ctx context.Context, s Step, o Override) error {
	o.Reason = strings.TrimSpace(o.Reason)
	r, v := w.r, Waiver{By: o.By, Reason: o.Reason, At: time.Now(), New: w.r.Places[orElse(s.Environment, Production)].New.ID}
	if r.Waived == nil {
		r.Waived = make(map[string]Waiver)
	}
	r.Waived[s.String()] = v
	if s.Act == Prove {
		cert, err := w.certify(ctx, s.Environment)
		if err != nil {
			return errors.Join(&Refusal{Code: NotNow, Sentence: "That could not be taken over: the vault or the application answered otherwise in the meantime. Nothing was done."}, err)
		}
		w.certified(s.Environment, cert)
		w.closeGap(s.Environment)
	} else if vigil := r.Vigils[s.Act]; vigil != nil {
		vigil.Verdict = watch.Verdict(Overridden)
	}
	w.advance(r.Cursor + 1)
	r.State, r.Wake = Running, time.Time{}
	return w.commit(ctx, []event.Event{o.tookOver(s, r.mayBreak(s))}, state.Change{Timer: time.Now(), Release: true})
}

// mayBreak says what going on without a proof risks.
func (r *Rotation) mayBreak(s Step) string {
	text := "If " + r.front() + " does not run on the new key after all, it fails when the old one ends."
	if s.Act == WatchAfter || r.OldDead() {
		text = "If " + r.front() + " does not run on the new key after all, it fails already: look at it."
	}
	return text + " " + r.Safe()
}
