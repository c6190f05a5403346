package infisical

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"rekey/deploy"
	"rekey/internal/fault"
)

const opWrite = "writing to Infisical"

// job is one Write on its way.
type job struct {
	place  Place
	items  []deploy.Assignment
	before map[string]wireSecret
	keys   map[string]bool // on the path, before
}

// Write implements [deploy.Vault]: one PATCH, then a fresh read of each name.
// See the package comment for what each answer means.
//
// An error is [deploy.Unwritten] where the request was not sent, where the
// server refused our token before it looked at the request, and after a plain
// refusal. After fault.HeldForApproval, whose detail has the change request's slug and id,
// the value appears when somebody merges it; the request itself cannot be
// polled by a machine identity.
func (v *Vault) Write(ctx context.Context, environment string, assignments []deploy.Assignment) (map[string]deploy.Entry, error) {
	j, err := v.prepare(ctx, environment, assignments)
	if err != nil {
		return nil, deploy.Unwritten(err)
	}
	sent := v.send(ctx, j)
	switch {
	case fault.Is(sent, fault.HeldForApproval):
		return nil, sent
	case sent != nil && !undecided(sent):
		return nil, deploy.Unwritten(sent)
	}
	return v.settle(ctx, j, sent)
}

// prepare makes sure that what is there is what the assignments replace.
func (v *Vault) prepare(ctx context.Context, environment string, assignments []deploy.Assignment) (*job, error) {
	names := make([]string, len(assignments))
	for i, a := range assignments {
		names[i] = a.Name
	}
	p, err := v.place(opWrite, environment, names...)
	if err != nil {
		return nil, err
	}
	if err := checked(opWrite, assignments); err != nil {
		return nil, err
	}
	j := &job{place: p, items: assignments}
	if j.keys, err = v.keys(ctx, opWrite, p); err != nil {
		return nil, err
	}
	if j.before, err = v.current(ctx, opWrite, p, names); err != nil {
		return nil, err
	}
	return j, j.moved()
}

// moved reports that somebody wrote, or deleted and made anew, since the
// caller looked.
func (j *job) moved() error {
	for _, a := range j.items {
		switch got := j.before[a.Name]; {
		case got.ID != a.ID:
			return fault.New(opWrite, fault.ChangedByOther, fmt.Sprintf("%s in %s was deleted and made anew", a.Name, j.place))
		case got.Version != a.From:
			return fault.New(opWrite, fault.ChangedByOther,
				fmt.Sprintf("%s in %s is at version %d, expected was %d", a.Name, j.place, got.Version, a.From))
		}
	}
	return nil
}

// send makes the PATCH, once, and returns nil when the answer shows every name
// at its next version. An answer is no proof: the server repeats what was sent.
func (v *Vault) send(ctx context.Context, j *job) error {
	items := make([]patchItem, len(j.items))
	for i, a := range j.items {
		items[i] = patchItem{Key: a.Name, Value: a.Value.Reveal(), Metadata: union(j.before[a.Name].Metadata, a.Note)}
	}
	out, err := onSession(ctx, v.keeper, func(s *session) (answer, error) {
		return v.v4.patch(ctx, s, opWrite, j.place, items)
	})
	if err != nil {
		return err
	}
	if out.Approval != nil {
		return out.Approval.held(opWrite, j.place)
	}
	answered := out.Secrets
	if out.Secret != nil {
		answered = append(answered, *out.Secret)
	}
	return j.acknowledged(answered)
}

func (j *job) acknowledged(answered []wireSecret) error {
	found := map[string]wireSecret{}
	for _, s := range answered {
		found[s.Key] = s
	}
	for _, a := range j.items {
		if got := found[a.Name]; got.ID != a.ID || got.Version != a.From+1 {
			return fault.New(opWrite, fault.NotWritten, "the answer does not show "+a.Name+" at its next version")
		}
	}
	return nil
}

// held says where a change policy keeps the write. Status 200 and not written.
func (a *approval) held(op string, p Place) error {
	which := "a change request"
	if idForm.MatchString(a.Slug) && idForm.MatchString(a.ID) {
		which = fmt.Sprintf("change request %s (%s)", a.Slug, a.ID)
	}
	return &fault.Error{Op: op, Reason: fault.HeldForApproval, Status: http.StatusOK,
		Detail: fmt.Sprintf("%s for %s waits in Infisical to be approved and merged", which, p)}
}

// undecided reports that only a read-back can tell what became of the write.
func undecided(sent error) bool {
	f := fault.Of(sent)
	return f.Class == fault.Lost || f.Reason == fault.NotWritten || refusedToken(sent)
}

// joined puts what was found about several names into one sentence.
func joined(facts []string) string { return strings.Join(facts, "; ") }
