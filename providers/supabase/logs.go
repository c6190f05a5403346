package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/providers"
)

// slice is the longest stretch that one question about logs may cover.
// maxSlices bounds how far back is asked: one question less a minute than the
// service allows.
const (
	slice     = 24 * time.Hour
	maxSlices = 28
)

// columns remembers what the logs call the column of their source: it was
// announced under one name and is documented under another.
type columns struct {
	mu    sync.Mutex
	known string
}

// prefixAttribute and roleAttribute are what the edge logs hold of a request's
// key: the prefix of a new one, the role of a legacy one
// (https://supabase.com/docs/guides/observability/log-field-reference).
const (
	prefixAttribute = "log_attributes['request.sb.apikey.apikey.prefix']"
	roleAttribute   = "log_attributes['request.sb.jwt.apikey.payload.role']"
)

// notOurs leaves out what this program asked itself to find out whether a key
// lives.
const notOurs = " and log_attributes['request.headers.user_agent'] != '" + agent + "'"

// row is the one line that every question here asks for.
type row struct {
	Requests json.Number `json:"requests"`
	Last     string      `json:"last"`
}

// stretch of time that a question covers.
type stretch struct{ start, end time.Time }

// used is what one stretch of the edge logs shows of some requests.
type used struct {
	requests string // how many
	last     time.Time
}

// LastUsed returns the time of the key's last request that the edge logs show,
// going back day by day. How far they reach depends on the project's plan.
func (k *secretKey) LastUsed(ctx context.Context, id providers.ID, since time.Time) (time.Time, error) {
	const op = "asking Supabase when a key was used"
	if !idForm.MatchString(string(id)) && k.p.legacyOf(id) == "" {
		return time.Time{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	end := time.Now().UTC().Truncate(time.Second).Add(time.Second)
	if end.Sub(since) > maxSlices*slice {
		return time.Time{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: fmt.Sprintf("that is more than %d days ago", maxSlices)}
	}
	ref, where, err := k.mark(op, id)
	if err != nil {
		return time.Time{}, err
	}
	for ; since.Before(end); end = end.Add(-slice) {
		start := end.Add(-slice)
		if start.Before(since) {
			start = since.UTC()
		}
		u, err := k.p.edge(ctx, op, ref, where+notOurs, stretch{start, end})
		if err != nil || u.last.After(since) {
			return u.last, err
		}
	}
	return time.Time{}, nil
}

// mark is how the logs know a key.
type mark struct{ ref, prefix string }

// note keeps a key's prefix; k.mu is held.
func (k *secretKey) note(ref string, w wireKey) {
	if k.gone == nil {
		k.gone = make(map[string]mark)
	}
	if plain(w.Prefix) {
		k.gone[w.ID] = mark{ref, w.Prefix}
	} else {
		delete(k.gone, w.ID) // it would be a part of the question
	}
}

// mark is what the logs know a key by: the beginning of one that some list had,
// or the role of a legacy one.
func (k *secretKey) mark(op string, id providers.ID) (ref, where string, err error) {
	if ref := k.p.legacyOf(id); ref != "" {
		return ref, roleAttribute + " = 'service_role'", nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	m, known := k.gone[string(id)]
	if !known {
		return "", "", fault.New(op, fault.NotFound, "key "+string(id)+" is not in the list, and the logs know keys by what the list shows of them")
	}
	return m.ref, prefixAttribute + " = '" + m.prefix + "'", nil
}

// plain reports a text that can stand between quotes.
func plain(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// edge asks one stretch of the edge logs of a project.
func (p *Provider) edge(ctx context.Context, op, ref, where string, over stretch) (used, error) {
	column, err := p.column(ctx, op, ref)
	if err != nil {
		return used{}, err
	}
	rows, err := p.ask(ctx, op, ref, "select count(*) as requests, toString(max(timestamp)) as last from logs where "+column+" = 'edge_logs' and "+where, over)
	switch {
	case err != nil:
		return used{}, err
	case len(rows) != 1 || rows[0].Requests == "":
		return used{}, fault.New(op, fault.Garbled, "the logs answered with no count")
	case rows[0].Requests == "0":
		return used{}, nil
	}
	at, ok := moment(rows[0].Last)
	if !ok {
		return used{}, fault.New(op, fault.Garbled, "the logs' last request has no readable time")
	}
	return used{requests: rows[0].Requests.String(), last: at}, nil
}

// moment reads the forms in which ClickHouse writes times.
func moment(text string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(form, text); err == nil { // fractions are taken too
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// column finds out once what the column is called.
func (p *Provider) column(ctx context.Context, op, ref string) (string, error) {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	if p.source.known != "" {
		return p.source.known, nil
	}
	end := time.Now().UTC()
	var err error
	for _, name := range []string{"source", "source_name"} {
		if _, err = p.ask(ctx, op, ref, "select "+name+" from logs limit 1", stretch{end.Add(-time.Minute), end}); err == nil {
			p.source.known = name
			return name, nil
		}
		if !fault.Is(err, fault.Invalid) {
			break
		}
	}
	return "", err
}

// ask puts a question to the logs. Both ends are always named: without them
// only the last minute is looked at.
func (p *Provider) ask(ctx context.Context, op, ref, sql string, over stretch) ([]row, error) {
	return query[row](ctx, p, question{op, ref, sql, over})
}

// question is what to ask the logs of a project.
type question struct {
	op, ref, sql string
	over         stretch
}

// query is ask for rows of any form.
func query[R any](ctx context.Context, p *Provider, q question) ([]R, error) {
	var answer struct {
		Result *[]R            `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	err := p.asAdmin(ctx, rest.Call{Op: q.op, Path: "/v1/projects/" + q.ref + "/analytics/endpoints/logs", Query: url.Values{
		"sql": {q.sql}, "iso_timestamp_start": {q.over.start.Format(time.RFC3339)}, "iso_timestamp_end": {q.over.end.Format(time.RFC3339)},
	}}, &answer)
	switch {
	case err != nil:
		return nil, err
	case len(answer.Error) > 0 && string(answer.Error) != "null":
		return nil, &fault.Error{Op: q.op, Class: fault.Never, Reason: fault.Invalid, Detail: "the logs do not take the question"}
	case answer.Result == nil:
		return nil, fault.New(q.op, fault.Garbled, "the logs answered without a result")
	}
	return *answer.Result, nil
}
