package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*secretKey)(nil)

// The places where Supabase notes uses
// (https://supabase.com/docs/guides/observability/log-field-reference).
var (
	edgeLogs = trail.Source{
		Name: "edge logs of Supabase", Tells: "time, address, agent, path and answer of each request through the gateway, as long as the project's plan keeps them", Fades: true,
	}
	dashboard = trail.Source{
		Name: "organisation audit log of Supabase", Blind: "no API reads it; look in the dashboard for who made, showed and deleted keys",
	}
)

// Sources are the logs of the gateway and the log that is not asked.
func (k *secretKey) Sources() []trail.Source { return []trail.Source{edgeLogs, dashboard} }

// mostRows is how many lines one question may be answered with. The rarest come
// first: what is left out is what the application does all day.
const mostRows = 1000

// grouped asks for requests that are alike.
const grouped = `select toString(min(timestamp)) as first, toString(max(timestamp)) as last, count(*) as requests, ` +
	`log_attributes['request.headers.cf_connecting_ip'] as ip, log_attributes['request.headers.user_agent'] as agent, ` +
	`log_attributes['request.method'] as method, log_attributes['request.path'] as path, log_attributes['response.status_code'] as status ` +
	`from logs where %s = 'edge_logs' and %s group by ip, agent, method, path, status order by requests, first limit %d`

// askedOf is what an audit asks the logs of one project.
type askedOf struct{ op, ref, where string }

// Uses goes back from the end, a question for each day.
func (k *secretKey) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "asking Supabase for the uses of a key"
	if !idForm.MatchString(string(id)) && k.p.legacyOf(id) == "" {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	ref, where, err := k.mark(op, id)
	if err != nil {
		return nil, err
	}
	g, cut := trail.NewGather(over), false
	told := func(c trail.Completeness, why string) []trail.Trail {
		if cut {
			c, why = trail.Partial, "Some days have more requests that differ than one question can answer; the rarest are here. "+why
		}
		return []trail.Trail{g.Trail(edgeLogs, c, why), trail.None(dashboard, "It was not asked: "+dashboard.Blind+".")}
	}
	of := askedOf{op, ref, where}
	parts, oldest := days(over)
	for i, part := range parts {
		full, err := k.p.gather(ctx, of, part, g)
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			return told(trail.Partial, "Supabase stopped answering; before "+stamp(part.end)+" nothing was read."), err
		}
		cut = cut || full
	}
	if oldest.After(over.From) {
		return told(trail.Partial, fmt.Sprintf("Before %s nothing was asked: that is %d days ago.", stamp(oldest), maxSlices)), nil
	}
	kept, err := k.p.keeps(ctx, of, oldest)
	switch {
	case err != nil:
		return told(trail.Partial, "How far back the project's plan keeps logs was not told."), err
	case !kept:
		return told(trail.Partial, "The project's logs show no request at all in the first day of the window: the plan may not keep them so long."), nil
	}
	return told(trail.Complete, "Requests straight to Postgres do not take this key and are not in these logs."), nil
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// days cuts a window into questions, the last day first, and at its marks, so
// that no answer counts on both sides of one.
func days(over trail.Window) (parts []stretch, oldest time.Time) {
	end := over.To.UTC().Add(time.Second - 1).Truncate(time.Second)
	oldest = end.Add(-maxSlices * slice)
	if over.From.After(oldest) {
		oldest = over.From.UTC().Truncate(time.Second)
	}
	for oldest.Before(end) {
		start := end.Add(-slice)
		if start.Before(oldest) {
			start = oldest
		}
		for _, m := range over.Marks {
			if m = m.UTC().Truncate(time.Second); m.After(start) && m.Before(end) {
				start = m
			}
		}
		parts = append(parts, stretch{start, end})
		end = start
	}
	return parts, oldest
}

// edgeRow is a line of the answer to grouped.
type edgeRow struct {
	First    string      `json:"first"`
	Last     string      `json:"last"`
	Requests json.Number `json:"requests"`
	IP       string      `json:"ip"`
	Agent    string      `json:"agent"`
	Method   string      `json:"method"`
	Path     string      `json:"path"`
	Status   any         `json:"status"` // a text in the logs, and a number to some readers
}

// gather asks for one stretch; full says that there may be more than was told.
func (p *Provider) gather(ctx context.Context, of askedOf, over stretch, g *trail.Gather) (full bool, err error) {
	column, err := p.column(ctx, of.op, of.ref)
	if err != nil {
		return false, err
	}
	rows, err := query[edgeRow](ctx, p, question{of.op, of.ref, fmt.Sprintf(grouped, column, of.where, mostRows), over})
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		first, ok1 := moment(r.First)
		last, ok2 := moment(r.Last)
		n, err := strconv.Atoi(r.Requests.String())
		if !ok1 || !ok2 || err != nil || n < 1 || last.Before(first) {
			return false, fault.New(of.op, fault.Garbled, "a line of the logs has no readable times or no count")
		}
		g.AddMany(trail.Tally{First: first, Last: last, Count: n}, trail.Said{
			What: strings.TrimSpace(fmt.Sprintf("%s %s %v", r.Method, r.Path, r.Status)), From: r.IP, Agent: r.Agent,
		})
	}
	return len(rows) >= mostRows, nil
}

// keeps reports whether the logs hold anything of the day that begins then.
func (p *Provider) keeps(ctx context.Context, of askedOf, day time.Time) (bool, error) {
	column, err := p.column(ctx, of.op, of.ref)
	if err != nil {
		return false, err
	}
	rows, err := p.ask(ctx, of.op, of.ref, "select count(*) as requests, toString(max(timestamp)) as last from logs where "+column+" = 'edge_logs'", stretch{day, day.Add(slice)})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(rows, func(r row) bool { return r.Requests != "" && r.Requests != "0" }), nil
}
