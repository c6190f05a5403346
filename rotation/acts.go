package rotation

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// act does what a step says. Every act may be entered again after a crash
// with its effect made, not made or half made: it looks first.
func (w *run) act(ctx context.Context, s Step) (outcome, error) {
	w.secure(ctx, s)
	if act := w.ahead(s); act != nil {
		return act(ctx)
	}
	if act := w.revoking(s); act != nil {
		return act(ctx)
	}
	if act := w.backward(s); act != nil {
		return act(ctx)
	}
	switch s.Act {
	case Preflight:
		return w.preflight(ctx)
	case Issue, Write, Backfill, Sync, Deploy, Prove:
		return w.rollOut(ctx, s)
	case Watch, WatchAfter:
		return w.watch(ctx, s)
	case Hold:
		return w.holdBack(ctx)
	case Approve:
		return w.approve(ctx)
	case End, Delete:
		return w.end(ctx, s)
	case ConfirmDead:
		return w.confirmDead(ctx, s)
	case Audit:
		return w.audit(ctx)
	case Report:
		return w.report(ctx)
	case Make, Import, Activate, WritePrev:
		return w.onKeys(ctx, s)
	default:
		return outcome{}, fault.New("executing "+s.String(), fault.Unsupported, "the step belongs to plans that cannot run yet")
	}
}

// rollOut is what brings the new credential into one environment.
func (w *run) rollOut(ctx context.Context, s Step) (outcome, error) {
	switch s.Act {
	case Issue:
		return w.issue(ctx, s.Environment)
	case Write, Backfill:
		return w.write(ctx, s.Environment)
	case Deploy:
		return w.deploy(ctx, s.Environment)
	case Prove:
		return w.prove(ctx, s.Environment)
	default:
		// A sync that carries these values stops the survey in this version,
		// so here there is none to wait for.
		return finished("")
	}
}

// preflight repeats the survey, unless the one that made the plan is young,
// and asks every check: a rotation that would be blind does not start.
func (w *run) preflight(ctx context.Context) (outcome, error) {
	if w.r.Cell.Mode == Emergency {
		return w.preflightShort(ctx)
	}
	if time.Since(w.r.Surveyed) > w.subject.Pace.Fresh {
		found, err := w.e.survey(ctx, w.subject, w.r.Cell.wish())
		if err != nil {
			return outcome{}, err
		}
		if found.hash != w.r.PlanHash {
			return outcome{}, fault.New("looking again before the first change", fault.ChangedByOther, "the plan was made from other facts")
		}
		w.kind, w.r.Surveyed = found.kind, time.Now()
	}
	var live string
	for _, env := range w.r.environments() {
		heard, err := w.answers(ctx, env)
		if err != nil {
			return outcome{}, err
		}
		live = heard.Deployment // production comes last, and is what is watched
	}
	if err := w.baseline(ctx, live); err != nil {
		return outcome{}, err
	}
	return finished(fmt.Sprintf("Looked first: in use is %s, %s; every check answers. Nothing was changed.%s", w.r.Olds(), places(w.r), noticed(w.r.Traits.Notice)))
}

// noticed is what people should know of what was found.
func noticed(notice string) string {
	if notice == "" {
		return ""
	}
	return " Note: " + notice + "."
}

func places(r *Rotation) string {
	if r.Cell.Shared {
		return "in staging and production alike"
	}
	return "each environment with its own"
}

// answers holds that the application can be asked, runs on the value in the
// vault, and works: all of it before anything is changed.
func (w *run) answers(ctx context.Context, env string) (deploy.Testimony, error) {
	current, err := w.expect(ctx, env, w.r.Places[env].Before)
	if err != nil {
		return deploy.Testimony{}, err
	}
	heard, err := w.attest(ctx, env, current, nil)
	if err != nil {
		return deploy.Testimony{}, err
	}
	if _, err := w.affected(ctx, env); err != nil {
		return heard, err
	}
	return heard, w.guards(ctx, env, current)
}

// expect reads an environment and holds it against what is known: the same
// entry with the same value. A later version of it is followed in known, which
// is the record's own: an approval given on the earlier one then finds other
// evidence, and everything else goes on.
func (w *run) expect(ctx context.Context, env string, known map[string]Held) (map[string]deploy.Entry, error) {
	entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
	if err != nil {
		return nil, err
	}
	now := w.e.held(entries)
	if moved(now, known) {
		maps.Copy(known, now)
		return entries, nil
	}
	for name, h := range now {
		if h != known[name] {
			return nil, fault.New("comparing "+name+" in "+env+" with what was there before", fault.ChangedByOther,
				fmt.Sprintf("version %d with fingerprint %s, expected version %d with %s", h.Version, h.Fingerprint.Short(), known[name].Version, known[name].Fingerprint.Short()))
		}
	}
	return nil, fault.New("comparing "+env+" with what was there before", fault.ChangedByOther, "a variable is missing")
}

// moved reports whether an environment holds the very values that are known,
// perhaps at later versions: editing a comment or a tag adds a version and
// leaves the value alone.
func moved(now, known map[string]Held) bool {
	for name, h := range known {
		n := now[name]
		if n.EntryID != h.EntryID || n.Fingerprint != h.Fingerprint || n.Version < h.Version {
			return false
		}
	}
	return len(now) == len(known) && len(known) > 0
}

// found returns the kind, surveying again when this run has not yet: after a
// restart the service is looked at anew. Another kind than planned stops.
func (w *run) found(ctx context.Context) (providers.Kind, error) {
	if w.kind != nil {
		return w.kind, nil
	}
	if err := w.ownBranch(); err != nil {
		return nil, err
	}
	current := make(map[string]providers.Values)
	for _, env := range w.r.environments() {
		entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
		if err != nil {
			return nil, err
		}
		current[env] = valuesOf(entries)
	}
	kind, err := w.look(ctx, current)
	if err != nil {
		return nil, err
	}
	if kind.Traits().Kind != w.r.Traits.Kind {
		return nil, fault.New("looking at "+w.subject.Title+" again", fault.ChangedByOther,
			fmt.Sprintf("found %q where the plan was made for %q", kind.Traits().Kind, w.r.Traits.Kind))
	}
	w.kind = kind
	return kind, nil
}

// look surveys the service again. Where issuing kills the old credential it may
// be dead, by this rotation or by somebody's click, and where the new one is of
// another kind a survey would not know it, either: the kind is built again from
// its traits.
func (w *run) look(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if w.r.stopsRevoking() {
		return w.survives(ctx, current)
	}
	if again, ok := w.subject.Provider.(providers.Continuer); ok && (w.r.Cell.Ahead() || w.r.moving()) {
		return again.Continue(ctx, w.r.Traits, current)
	}
	kind, err := w.subject.Provider.Survey(ctx, current)
	if err != nil {
		return nil, err
	}
	return w.r.Cell.wish().kind(kind), nil
}

// capability asserts what a kind can do; traits and methods are held to
// agree by providertest, so a miss is a fault of the adapter.
func capability[C any](ctx context.Context, w *run, op string) (C, error) {
	var none C
	kind, err := w.found(ctx)
	if err != nil {
		return none, err
	}
	c, ok := kind.(C)
	if !ok {
		return none, fault.New(op, fault.Unsupported, w.r.Traits.Kind+" has no such capability")
	}
	return c, nil
}

// stale reads the values an environment held before this rotation wrote it,
// by version. They are never kept. Values that are gone come back as nil.
func (w *run) stale(ctx context.Context, env string) (providers.Values, error) {
	return w.byVersion(ctx, env, w.r.Places[env].Before)
}

// byVersion reads values by their versions; nil when one is gone.
func (w *run) byVersion(ctx context.Context, env string, held map[string]Held) (providers.Values, error) {
	values := make(providers.Values)
	for name, h := range held {
		entry, err := w.subject.Vault.ReadVersion(ctx, env, name, h.Version)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil, nil
		case err != nil:
			return nil, err
		case w.e.config.Key.Fingerprint(entry.Value) != h.Fingerprint:
			return nil, fault.New("reading a value of "+name+" by its version", fault.ChangedByOther, "the stored version shows another value")
		}
		values[name] = entry.Value
	}
	return values, nil
}

func (w *run) holdBack(ctx context.Context) (outcome, error) {
	if w.r.Cell.Mode == Rollback {
		return w.holdReturn()
	}
	if w.r.deployFirst() {
		return w.lingering(ctx)
	}
	if w.r.Vigils[Watch] == nil {
		return finished("")
	}
	v, p := w.vigil(Step{Act: Watch})
	until := v.Start.Add(p.Window + w.r.Traits.Waits.Hold)
	if wait := time.Until(until); wait > 0 {
		return outcome{wake: until}, nil
	}
	return finished("")
}

func (w *run) report(ctx context.Context) (outcome, error) {
	if w.r.Cell.Mode == Rollback {
		return w.reportBack(ctx)
	}
	look, err := w.stillDead(ctx)
	if err != nil || !look.done {
		return look, err
	}
	if err := w.sweep(ctx); err != nil {
		return outcome{}, err
	}
	w.feltGap(ctx)
	r := w.r
	text := fmt.Sprintf("Done in %s. The application runs on %s in %s; %s: dead.",
		human(time.Since(r.Started)), r.each(func(p Place) string { return p.New.Brief() }), r.where(), r.each(func(p Place) string { return p.Old.Brief() }))
	if gap := r.gapWords(); gap != "" {
		text += " " + gap
	}
	text += r.unmeasured() + unseen(r) + r.contained() + r.leftAlone() + r.lingered() + r.drilled() + r.cameBack() + look.text
	return outcome{done: true, events: []event.Event{{Kind: event.Reported, Text: text, Facts: w.reportFacts()}}}, nil
}

// reportAhead ends a plan in which issuing killed the old credential: both
// certificates, and the gap as it was measured.
func (w *run) reportAhead(ctx context.Context, s Step) (outcome, error) {
	out, err := w.buried(ctx, s)
	if err != nil || !out.done {
		return out, err
	}
	w.feltGap(ctx)
	r := w.r
	text := strings.TrimSpace(fmt.Sprintf("Done in %s. The application runs on %s in %s; %s: dead. %s",
		human(time.Since(r.Started)), r.each(func(p Place) string { return p.New.Brief() }), r.where(), r.each(func(p Place) string { return p.Old.Brief() }), r.gapWords()+r.unmeasured()+r.contained()+r.leftAlone()+r.cameBack()+r.drilled()))
	out.events = append(out.events, event.Event{Kind: event.Reported, Text: text, Facts: w.reportFacts()})
	return out, nil
}

func (w *run) reportFacts() map[string]string {
	r := w.r
	facts := map[string]string{
		"old": string(r.Old().ID), "new": string(r.New().ID), "plan_hash": r.PlanHash,
		"requests_seen": fmt.Sprintf("%.0f", r.Seen.Requests), "requests_failed": fmt.Sprintf("%.0f", r.Seen.Failed),
	}
	if c := r.approval(); c != nil {
		var names []string
		for _, v := range c.Approved {
			names = append(names, v.Person.ID+" by "+v.Path)
		}
		facts["evidence_hash"], facts["approved"] = c.Evidence, strings.Join(names, ", ")
	}
	if c := r.Card; c != nil && c.About == AboutVault {
		facts["vault"] = vaultWords(c)
	}
	if g := r.Gap; r.Cell.Ahead() || r.Cell.RevokeFirst {
		facts["gap_seconds"], facts["rehearsed_seconds"] = fmt.Sprintf("%.3f", g.Length().Seconds()), fmt.Sprintf("%.3f", g.Rehearsed.Seconds())
		facts["gap_requests"], facts["gap_failed"] = fmt.Sprintf("%.0f", g.Requests), fmt.Sprintf("%.0f", g.Failed)
	}
	for env, p := range r.Proofs {
		facts["life "+env] = fmt.Sprintf("%s at %s: %d instances, %d answers, deployment %s", p.Kind, p.At.UTC().Format(time.RFC3339), p.Instances, p.Answers, p.Deployment)
	}
	for scope, e := range r.Ends {
		facts[strings.TrimSpace("death "+scope)] = fmt.Sprintf("%s from %s to %s, %d probes, unlisted: %t", e.Answer, e.Refused.UTC().Format(time.RFC3339), e.Last.UTC().Format(time.RFC3339), e.Probes, e.Unlisted)
	}
	return facts
}
