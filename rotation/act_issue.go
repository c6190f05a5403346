package rotation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// maxIssues bounds how many credentials one step may ask for by itself: a
// service whose answers keep getting lost must not fill up with keys.
const maxIssues = 5

// label names the credential at the service so that it is found again when
// the answer that carried it was lost.
func (w *run) label() string {
	return fmt.Sprintf("%s%d", w.labelPrefix(), w.r.Issues)
}

func (w *run) labelPrefix() string {
	env := "all"
	if step, ok := w.r.Step(); ok && !w.r.Cell.Shared && step.Environment != "" {
		env = step.Environment
	}
	return w.labelFor(env)
}

func (w *run) labelFor(env string) string {
	return fmt.Sprintf("rk_%s_%s_%s_", w.e.config.Installation, env, w.r.ID)
}

// labelPrefix is what people search for at the service.
func labelPrefix(r *Rotation) string { return "rk_…_" + r.ID + "_" }

// nextIssue reserves the label of the next creation. From then on a credential
// of that label may live.
func (w *run) nextIssue() {
	w.r.Issues++
	if w.r.Traits.Guided || w.r.Cell.Ahead() {
		return // people are told what they left, see leftovers; a turn is settled by itself
	}
	if w.r.Loose == nil {
		w.r.Loose = make(map[string]time.Time)
	}
	w.r.Loose[w.label()] = time.Now()
}

// issue makes the new credential and writes it to its first environment in
// one step, because between the two its value exists in memory only. Entered
// again it lists by label first: what we made and nobody uses is deleted
// before another one is made.
func (w *run) issue(ctx context.Context, env string) (outcome, error) {
	if w.r.Traits.Guided {
		return w.guided(ctx, env)
	}
	if free, out, err := w.nothingOfOurs(ctx, env); !free {
		w.unsent()
		return out, err
	}
	if w.r.Traits.Unnamed {
		return w.issueUnnamed(ctx, env)
	}
	if err := w.nextLabel(ctx); err != nil {
		return outcome{}, err
	}
	made, err := w.create(ctx, env)
	if err != nil {
		if refusedCreation(err) {
			delete(w.r.Loose, w.label())
		}
		return outcome{}, err
	}
	w.made = made.Values
	if err := w.acceptable(ctx, made); err != nil {
		return outcome{}, err
	}
	return w.first(ctx, env, made)
}

// create asks the service for a credential, once.
func (w *run) create(ctx context.Context, env string) (providers.Credential, error) {
	kind, err := w.found(ctx)
	if err != nil {
		return providers.Credential{}, err
	}
	if placed, ok := kind.(providers.PlacedIssuer); ok {
		return placed.IssueIn(ctx, env, w.label())
	}
	issuer, err := capability[providers.Issuer](ctx, w, "creating a credential")
	if err != nil {
		return providers.Credential{}, err
	}
	return issuer.Issue(ctx, w.label())
}

// nothingOfOurs reports that no credential of ours is on its way to the
// environment or left over, so that one may be made; else what to do instead.
func (w *run) nothingOfOurs(ctx context.Context, env string) (bool, outcome, error) {
	if done, err := w.alreadyIssued(ctx, env); err != nil || done {
		return false, w.issued(env), err
	}
	switch place := w.r.Places[env]; {
	case !place.HeldSince.IsZero():
		out, err := lookAgain(heldPoll * w.subject.Pace.DeployPoll)
		return false, out, err
	case place.New.ID != "":
		return false, outcome{}, unsettled(env, place.New)
	}
	err := w.sweep(ctx)
	return err == nil, outcome{}, err
}

// unsent takes back a label that this run reserved and did not use.
func (w *run) unsent() {
	if w.begun {
		delete(w.r.Loose, w.label())
	}
}

// refusedCreation reports that no credential was made: the service said so, or
// was never asked. What was only not understood may have made one.
func refusedCreation(err error) bool {
	switch f := fault.Of(err); f.Class {
	case fault.Again, fault.Never:
		return true
	case fault.Ask:
		return slices.Contains([]fault.Reason{fault.Unauthorized, fault.Forbidden, fault.NotFound, fault.Conflict, fault.Unsupported}, f.Reason)
	default:
		return false
	}
}

// first writes a new credential to its first environment. The record knows of
// it before the vault does: while it is not known what became of the write the
// credential must live, because the vault may keep the write for a person, and
// merging it would bring a dead one back.
func (w *run) first(ctx context.Context, env string, made providers.Credential) (outcome, error) {
	if w.r.Cell.Ahead() {
		w.turned(env)
	}
	place, known := w.r.Places[env], w.known(made)
	place.New = known
	w.r.Places[env] = place
	if err := w.note(ctx); err != nil {
		return outcome{}, err
	}
	switch err := w.put(ctx, env, made.Values, known); {
	case fault.Is(err, fault.HeldForApproval):
		return w.heldBack(env, err)
	case err != nil:
		return outcome{}, err
	default:
		delete(w.r.Loose, w.label())
		return w.issued(env), nil
	}
}

// unsettled is a first write that left no trace. It never arrived, or it waits
// in the vault, where only people can see it.
func unsettled(env string, k Known) error {
	return fault.New("finding out what became of the write to "+env, fault.Unsettled,
		"the value of "+k.Shown()+" was sent and is not there; if the vault keeps it for approval, merge it or turn it down first")
}

func (w *run) issued(env string) outcome {
	if w.r.Cell.Ahead() {
		return outcome{done: true, text: fmt.Sprintf("%s took the place of %s and is in %s. %s", w.r.Places[env].New.Shown(), w.r.Places[env].Old.Brief(), env, sentence(w.r.fate(env)))}
	}
	if w.r.Cell.RevokeFirst {
		return outcome{done: true, text: fmt.Sprintf("Created %s in the place of %s and wrote it to %s.", w.r.Places[env].New.Shown(), w.r.Places[env].Old.Brief(), env)}
	}
	return outcome{done: true, text: fmt.Sprintf("Created %s beside %s and wrote it to %s. Both keys work.", w.r.Places[env].New.Shown(), w.r.Places[env].Old.Brief(), env)}
}

// known describes an issued credential for the record.
func (w *run) known(c providers.Credential) Known {
	k := Known{ID: c.ID, Fingerprint: w.e.fingerprint(c.Values), Label: c.Label, Made: c.Made, Expires: c.Expires}
	if shows(w.r.Traits) {
		k.Last4 = last4(w.kind, c.Values)
	}
	return k
}

// alreadyIssued recognises a write of ours whose outcome was never recorded:
// the environment is some version on and holds a credential with our label.
func (w *run) alreadyIssued(ctx context.Context, env string) (bool, error) {
	entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
	if err != nil {
		return false, err
	}
	place := w.r.Places[env]
	if now := w.e.held(entries); moved(now, place.from()) {
		maps.Copy(place.from(), now)
		return false, nil
	}
	kind, err := w.found(ctx)
	if err != nil {
		return false, err
	}
	id, err := kind.Identify(valuesOf(entries))
	if err != nil {
		return false, err
	}
	ours, err := w.sent(ctx, place)
	if err != nil {
		return false, err
	}
	for _, c := range ours {
		if c.ID == id && later(w.e.held(entries), place.from()) {
			c.Values = valuesOf(entries)
			return true, w.adopt(ctx, env, c, entries)
		}
	}
	return false, fault.New("looking at "+env+" before creating a credential", fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
}

// sent are the credentials that a write to an environment may have begun with:
// those of its label that the service lists. Where it does not list them, or takes
// no label, the record alone knows.
func (w *run) sent(ctx context.Context, place Place) ([]providers.Credential, error) {
	if listed, err := w.lists(ctx); err != nil || listed && !w.r.Traits.Unnamed && !w.r.Traits.Moves {
		if err != nil {
			return nil, err
		}
		return w.ours(ctx, w.labelPrefix())
	}
	return []providers.Credential{{ID: place.New.ID, Label: place.New.Label, Made: place.New.Made, Expires: place.New.Expires}}, nil
}

func (w *run) adopt(ctx context.Context, env string, c providers.Credential, entries map[string]deploy.Entry) error {
	if err := w.alive(ctx, c.Values); err != nil {
		return err
	}
	w.wrote(env, entries, w.known(c))
	return nil
}

// ours lists the credentials at the service that carry one of the prefixes in
// their label.
func (w *run) ours(ctx context.Context, prefixes ...string) ([]providers.Credential, error) {
	if listed, err := w.lists(ctx); err != nil || !listed {
		return nil, err // people made what there is, and only they can end it
	}
	lister, err := capability[providers.Lister](ctx, w, "listing credentials")
	if err != nil {
		return nil, err
	}
	all, err := lister.List(ctx)
	if err != nil {
		return nil, err
	}
	var ours []providers.Credential
	for _, c := range all {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(c.Label, p) }) {
			ours = append(ours, c)
		}
	}
	return ours, nil
}

// sweep deletes credentials of this very rotation that reached no
// environment. Anything else waits for a person. It looks before each creation
// and once more in the end: a service may list late what it made.
func (w *run) sweep(ctx context.Context) error {
	ours, err := w.ours(ctx, w.labelFor("all"), w.labelFor(Staging), w.labelFor(Production))
	ours = slices.DeleteFunc(ours, func(c providers.Credential) bool {
		return slices.ContainsFunc(w.r.environments(), func(env string) bool { return w.r.Wrote(env) && w.r.Places[env].New.ID == c.ID })
	})
	if err != nil || len(ours) == 0 {
		return err
	}
	if w.r.Traits.EndByHand {
		return fault.New("looking for unused credentials of ours", fault.Ambiguous, "only a person can delete "+string(ours[0].ID)+", which nothing uses")
	}
	ender, err := capability[providers.Ender](ctx, w, "deleting an unused credential of ours")
	if err != nil {
		return err
	}
	used, err := w.inUse(ctx)
	if err != nil {
		return err
	}
	for _, p := range w.r.Places {
		if !p.HeldSince.IsZero() {
			return fault.New("deleting an unused credential of ours", fault.Ambiguous, "a write of it waits for approval in the vault and would bring a dead key back")
		}
	}
	for _, c := range ours {
		if used[c.ID] {
			return fault.New("deleting an unused credential of ours", fault.Ambiguous, "the vault holds "+string(c.ID))
		}
		if err := w.note(ctx, event.Event{Kind: event.Swept, Text: w.r.sweeping(c.ID), Facts: map[string]string{"id": string(c.ID), "label": c.Label}}); err != nil {
			return err
		}
		if err := ender.End(ctx, c.ID); err != nil {
			return err
		}
		delete(w.r.Loose, c.Label)
	}
	for env, p := range w.r.Places {
		if !w.r.Wrote(env) {
			p.New = Known{} // what was meant for it is gone
			w.r.Places[env] = p
		}
	}
	return nil
}

// inUse identifies what every environment holds now.
func (w *run) inUse(ctx context.Context) (map[providers.ID]bool, error) {
	kind, err := w.found(ctx)
	if err != nil {
		return nil, err
	}
	used := make(map[providers.ID]bool)
	for _, env := range w.r.environments() {
		entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
		if err != nil {
			return nil, err
		}
		id, err := kind.Identify(valuesOf(entries))
		if err != nil {
			return nil, err
		}
		used[id] = true
	}
	return used, nil
}

// nextLabel gives a repeated attempt a label of its own, in the journal
// before it is used.
func (w *run) nextLabel(ctx context.Context) error {
	if w.begun {
		w.begun = false
		return nil
	}
	if limit := max(w.r.Limit, maxIssues); w.r.Issues >= limit {
		return fault.New("creating a credential", fault.Ambiguous, "too many attempts did not come to an end")
	}
	w.nextIssue()
	step, _ := w.r.Step()
	return w.note(ctx, event.Event{Kind: event.Intent, Step: step.String(), Facts: w.intent(step)})
}

// acceptable holds a new credential to what must be true before it is
// written anywhere: another identity than the old one, every variable there,
// and accepted by the service.
func (w *run) acceptable(ctx context.Context, c providers.Credential) error {
	const op = "checking the new credential"
	for _, p := range w.r.Places {
		if c.ID == "" || c.ID == p.Old.ID || w.e.fingerprint(c.Values) == p.Old.Fingerprint {
			return fault.New(op, fault.Ambiguous, "the service answered with the identity or the value of the old one")
		}
	}
	for _, name := range w.subject.Variables {
		if c.Values[name].IsZero() {
			return fault.New(op, fault.Garbled, "the service gave no value for "+name)
		}
	}
	kind, err := w.found(ctx)
	if err != nil {
		return err
	}
	if id, err := kind.Identify(c.Values); err != nil || id != c.ID {
		return &fault.Error{Op: op, Reason: fault.Garbled, Detail: "the values do not belong to " + string(c.ID), Err: err}
	}
	return w.alive(ctx, c.Values)
}

// alive probes until the service accepts the credential, for the settle time
// at most: new keys may take a moment.
func (w *run) alive(ctx context.Context, v providers.Values) error {
	prober, err := capability[providers.Prober](ctx, w, "verifying the new credential")
	if err != nil {
		return err
	}
	until := time.Now().Add(w.r.Traits.Waits.Settle)
	for {
		found, err := prober.Probe(ctx, v)
		if err != nil {
			return err
		}
		if found.Liveness == providers.Alive {
			return nil
		}
		if !time.Now().Before(until) {
			return &fault.Error{Op: "verifying the new credential", Class: fault.Again, Reason: fault.Unproved, Detail: "the service answered " + found.Answer}
		}
		if !pause(ctx, max(w.r.Traits.Waits.Settle/10, 10*time.Millisecond)) {
			return ctx.Err()
		}
	}
}

// later reports whether a is b with every version further on: by one when we
// wrote, by more when somebody edited a comment since.
func later(a, b map[string]Held) bool {
	for name, h := range b {
		if a[name].Version <= h.Version || a[name].EntryID != h.EntryID {
			return false
		}
	}
	return len(a) == len(b)
}
