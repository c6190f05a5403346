package triggerdev

import (
	"context"
	"net/url"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*keys)(nil)

// What there is to be looked at. Nothing tells which key did a thing.
var (
	started = trail.Source{
		Name: "runs of the environment", Tells: "time, task and state of each, never which key started it; reading leaves no run", Anyone: true,
	}
	changed = trail.Source{
		Name:  "the environment's variables and deployments",
		Blind: "a key may read and replace the variables and deploy code, and nothing says which key did: compare both with what you expect",
	}
	lastUse = trail.Source{
		Name: "the dashboard's last use of each additional key", Blind: "it is shown to people only, and to five minutes; root keys have none",
	}
)

// Sources are the runs, and what only people can compare.
func (k *keys) Sources() []trail.Source { return []trail.Source{started, changed, lastUse} }

// Uses are the runs of the environment that the key is of; of all, where that
// is not known any more.
func (k *keys) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "asking Trigger.dev for runs"
	if id == "" {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "no key was named"}
	}
	g := trail.NewGather(over)
	why := "Runs do not say which key started them: look for unknown tasks, replays and tests."
	var failed error
	for _, at := range k.of(id) {
		more, err := k.p.runs(ctx, op, at, over, g)
		if more {
			why = "There are more runs than can be read. " + why
		}
		if err != nil {
			why, failed = "Trigger.dev stopped answering. "+why, err
			break
		}
	}
	return []trail.Trail{g.Trail(started, trail.Partial, why), trail.None(changed, changed.Blind), trail.None(lastUse, lastUse.Blind)}, failed
}

// of are the places that a key may be of.
func (k *keys) of(id providers.ID) []Place {
	for env, used := range k.inUse {
		if k.p.name(used.value) == id {
			return []Place{k.places[env]}
		}
	}
	return k.all()
}

// A page of runs, and how many are read.
const (
	pageOfRuns = "100"
	mostPages  = 100
)

// runs reads the runs of one environment. It has to be named as it is stored:
// another name finds nothing, and says nothing.
func (p *Provider) runs(ctx context.Context, op string, at Place, over trail.Window, g *trail.Gather) (more bool, err error) {
	query := url.Values{
		"filter[env]": {prefixes[at.Environment]}, "page[size]": {pageOfRuns},
		"filter[createdAt][from]": {over.From.UTC().Format(time.RFC3339)}, "filter[createdAt][to]": {over.To.UTC().Format(time.RFC3339)},
	}
	for range mostPages {
		var page struct {
			Data *[]struct {
				Task    string `json:"taskIdentifier"`
				Status  string `json:"status"`
				Created string `json:"createdAt"`
				Test    bool   `json:"isTest"`
			} `json:"data"`
			Pagination struct{ Next string } `json:"pagination"`
		}
		if _, err := p.asAdmin(ctx, rest.Call{Op: op, Path: "/api/v1/projects/" + url.PathEscape(at.Project) + "/runs", Query: query}, &page); err != nil {
			return false, err
		}
		if page.Data == nil {
			return false, fault.New(op, fault.Garbled, "the answer has no member data")
		}
		for _, r := range *page.Data {
			made, err := time.Parse(time.RFC3339, r.Created)
			if err != nil {
				return false, fault.New(op, fault.Garbled, "a run has no readable time")
			}
			kind := "run of "
			if r.Test {
				kind = "test run of "
			}
			g.Add(made, trail.Said{What: kind + r.Task + ", " + strings.ToLower(r.Status)})
		}
		if page.Pagination.Next == "" || page.Pagination.Next == query.Get("page[after]") {
			return false, nil
		}
		query.Set("page[after]", page.Pagination.Next)
	}
	return true, nil
}
