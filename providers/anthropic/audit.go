package anthropic

import (
	"context"
	"time"

	"rekey/internal/fault"
	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*apiKey)(nil)

// The places where Anthropic notes uses
// (https://platform.claude.com/docs/en/manage-claude/usage-cost-api,
// https://platform.claude.com/docs/en/manage-claude/compliance-api).
var (
	report = trail.Source{
		Name: "usage report of Anthropic", Unit: "tokens",
		Tells: "tokens by model, in minutes for the last day, in hours for a week, in days for a year; never an address",
	}
	activity = trail.Source{
		Name:  "activity feed of Anthropic",
		Blind: "it needs the Compliance API, which an organisation enables for itself; look there for who made, changed and saw keys",
	}
)

// Sources are the report by key and the feed that is not asked.
func (k *apiKey) Sources() []trail.Source { return []trail.Source{report, activity} }

// Uses reads the report, as finely as it tells.
func (k *apiKey) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "asking Anthropic for the uses of a key"
	if !idForm.MatchString(string(id)) {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	g, feed := trail.NewGather(over), trail.None(activity, "It was not asked: "+activity.Blind+".")
	end := over.To.UTC()
	for i, w := range windows {
		start := over.To.Add(-w.most).UTC().Truncate(w.each)
		if start.Before(over.From) {
			start = over.From.UTC().Truncate(w.each)
		}
		if i == 0 {
			end = ceiling(end, w.each)
		}
		if next := i + 1; next < len(windows) && start.After(over.From) {
			start = ceiling(start, windows[next].each) // where the next one ends
		}
		err := k.p.buckets(ctx, op, id, span{w.width, start, end}, func(b bucket) error { return b.into(g, string(id)) })
		switch {
		case err != nil && i == 0:
			return nil, err
		case err != nil:
			return []trail.Trail{g.Trail(report, trail.Partial, "Anthropic stopped answering; before "+stamp(end)+" nothing was read."), feed}, err
		case !start.After(over.From):
			return []trail.Trail{g.Trail(report, trail.Complete, "What was used in the last minutes may appear later. No addresses are kept, so nobody can be told from the application but by models and amounts."), feed}, nil
		}
		end = start
	}
	return []trail.Trail{g.Trail(report, trail.Partial, "Before "+stamp(end)+" nothing is kept."), feed}, nil
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func ceiling(at time.Time, d time.Duration) time.Time {
	if cut := at.Truncate(d); cut.Before(at) {
		return cut.Add(d)
	}
	return at
}

// into takes the bucket's uses of a key.
func (b bucket) into(g *trail.Gather, id string) error {
	from, err := time.Parse(time.RFC3339, b.Start)
	if err != nil {
		return err
	}
	until, used, err := b.used(id)
	if err != nil || !used {
		return err
	}
	for _, r := range *b.Results {
		if r.Key == "" || r.Key == id {
			what := "requests to a model"
			if r.Model != "" {
				what = "requests to " + r.Model
			}
			g.AddMany(trail.Tally{First: from, Last: until, Amount: r.tokens()}, trail.Said{What: what})
		}
	}
	return nil
}
