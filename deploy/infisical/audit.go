package infisical

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/trail"
)

var _ deploy.Auditor = (*Vault)(nil)

// auditLog is the one place where Infisical notes readings
// (https://infisical.com/docs/documentation/platform/audit-logs).
var auditLog = trail.Source{
	Name: "audit log of Infisical", Tells: "who read or changed the value, by name or with its whole folder, with identity, address and agent; it takes a paid plan, or a licence, and the right to read audit logs",
}

// Sources is the audit log alone.
func (v *Vault) Sources() []trail.Source { return []trail.Source{auditLog} }

const (
	opAudit     = "reading the audit log of Infisical"
	auditSpan   = 80 * 24 * time.Hour // a question covers three months at most
	auditPage   = 1000                // entries, the most there may be
	auditPages  = 50
	auditBefore = 30 * 24 * time.Hour // how far before a window an older entry is looked for
)

// The events of a value that is named, and that of a whole folder, which names
// no value and is the likelier theft.
const (
	eventsByName = "get-secret,reveal-secret,create-secret,update-secret,delete-secret,move-secrets,duplicate-secret"
	eventsInBulk = "get-secrets"
)

// done says what an event is.
var done = map[string]string{
	"get-secret": "read by name", "get-secrets": "read with its whole folder", "reveal-secret": "shown in the console",
}

// wireEvent is an entry of the log.
type wireEvent struct {
	At    string `json:"createdAt"`
	IP    string `json:"ipAddress"`
	Agent string `json:"userAgent"`
	Event struct {
		Type string `json:"type"`
	} `json:"event"`
	Actor struct {
		Type     string `json:"type"`
		Metadata struct {
			Identity string `json:"identityId"`
			Name     string `json:"name"`
			User     string `json:"userId"`
			Email    string `json:"email"`
			Username string `json:"username"`
		} `json:"metadata"`
	} `json:"actor"`
}

func (e wireEvent) who() string {
	m := e.Actor.Metadata
	switch {
	case m.Identity != "":
		return fmt.Sprintf("%s (%s)", m.Name, m.Identity)
	case m.User != "":
		return strings.TrimSpace(m.Email + " " + m.Username + " (" + m.User + ")")
	default:
		return e.Actor.Type
	}
}

// Readings implements [deploy.Auditor]. Each variable is asked for by its name,
// and the folder for readings in bulk: those do not say what was in it.
func (v *Vault) Readings(ctx context.Context, environment string, names []string, over trail.Window) ([]trail.Trail, error) {
	p, err := v.place(opAudit, environment, names...)
	if err != nil {
		return nil, err
	}
	s, err := v.keeper.session(ctx)
	if err != nil {
		return nil, err
	}
	l := &listening{v: v, own: s.identity(), gather: trail.NewGather(over)}
	for _, name := range names {
		if err := l.hear(ctx, v.v4.auditQuery(p, name, eventsByName), over); err != nil {
			return l.broken(err)
		}
	}
	if err := l.hear(ctx, v.v4.auditQuery(p, "", eventsInBulk), over); err != nil {
		return l.broken(err)
	}
	older, err := v.older(ctx, p, over.From)
	if err != nil {
		return l.broken(err)
	}
	return []trail.Trail{l.judged(older)}, nil
}

// listening is one look into the log.
type listening struct {
	v      *Vault
	own    string // Rekey's identity; "" where its token does not tell
	gather *trail.Gather
	heard  int  // entries
	ours   bool // Rekey's own are among them
	cut    bool // there are more than were read
}

// judged says how far the log may be believed. Without a licence it answers as
// if nothing had happened: what Rekey itself has read must be in it.
func (l *listening) judged(older bool) trail.Trail {
	const mind = "Readings of a whole folder do not say which values were in it."
	switch {
	case l.heard == 0:
		return trail.None(auditLog, "Cannot audit: the log shows nothing, not even what Rekey itself has read there. It is kept on paid plans, or with a licence, only.")
	case !l.ours && l.own != "":
		return l.gather.Trail(auditLog, trail.Partial, "What Rekey itself has read is not in it, so more may be missing. "+mind)
	case l.own == "":
		return l.gather.Trail(auditLog, trail.Partial, "Which entries are Rekey's own cannot be told, so whether some are missing cannot either. "+mind)
	case l.cut:
		return l.gather.Trail(auditLog, trail.Partial, "There are more entries than can be read; the oldest are missing. "+mind)
	case !older:
		return l.gather.Trail(auditLog, trail.Partial, "No entry from before the window is there: the plan may not keep them so long. "+mind)
	default:
		return l.gather.Trail(auditLog, trail.Complete, mind)
	}
}

// broken is a look that ended before its time.
func (l *listening) broken(err error) ([]trail.Trail, error) {
	if l.heard == 0 {
		return nil, err
	}
	return []trail.Trail{l.gather.Trail(auditLog, trail.Partial, "Infisical stopped answering before everything was read.")}, err
}

// hear reads every entry of one question, span by span and page by page.
func (l *listening) hear(ctx context.Context, query url.Values, over trail.Window) error {
	pages := 0
	for end := over.To; over.From.Before(end); {
		start := end.Add(-auditSpan)
		if start.Before(over.From) {
			start = over.From
		}
		for offset := 0; ; offset += auditPage {
			if pages++; pages > auditPages {
				l.cut = true
				return nil
			}
			entries, err := l.v.entries(ctx, query, start, end, offset)
			if err != nil {
				return err
			}
			if err := l.take(entries); err != nil {
				return err
			}
			if len(entries) < auditPage {
				break
			}
		}
		end = start
	}
	return nil
}

func (l *listening) take(entries []wireEvent) error {
	for _, e := range entries {
		at, err := time.Parse(time.RFC3339, e.At)
		if err != nil {
			return fault.New(opAudit, fault.Garbled, "an entry has no readable time")
		}
		what := done[e.Event.Type]
		if what == "" {
			what = e.Event.Type
		}
		own := l.own != "" && e.Actor.Metadata.Identity == l.own
		l.heard, l.ours = l.heard+1, l.ours || own
		l.gather.Add(at, trail.Said{What: what, From: e.IP, Agent: e.Agent, Who: e.who(), Own: own})
	}
	return nil
}

// older reports that the log holds entries from before a moment.
func (v *Vault) older(ctx context.Context, p Place, before time.Time) (bool, error) {
	for _, events := range []string{eventsByName, eventsInBulk} {
		q := v.v4.auditQuery(p, "", events)
		q.Set("limit", "1")
		entries, err := v.entries(ctx, q, before.Add(-auditBefore), before, 0)
		if err != nil || len(entries) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// auditQuery names a place, and a value in it where there is a name. Everything
// that has a default is said: the start would be last midnight.
func (c *v4) auditQuery(p Place, name, events string) url.Values {
	q := url.Values{
		"projectId": {c.project}, "environment": {p.Environment}, "secretPath": {p.Path}, "eventType": {events}, "limit": {strconv.Itoa(auditPage)},
	}
	if name != "" {
		q.Set("secretKey", name)
	}
	return q
}

func (v *Vault) entries(ctx context.Context, query url.Values, start, end time.Time, offset int) ([]wireEvent, error) {
	q := url.Values{}
	for name, values := range query {
		q[name] = slices.Clone(values)
	}
	const form = "2006-01-02T15:04:05.000Z"
	q.Set("startDate", start.UTC().Format(form))
	q.Set("endDate", end.UTC().Format(form))
	q.Set("offset", strconv.Itoa(offset))
	return withSession(ctx, v.keeper, func(s *session) ([]wireEvent, error) { return v.v4.auditLogs(ctx, s, q) })
}

func (c *v4) auditLogs(ctx context.Context, s *session, query url.Values) ([]wireEvent, error) {
	var out struct {
		Logs *[]wireEvent `json:"auditLogs"`
		problem
	}
	call := rest.Call{Op: opAudit, Path: "/api/v1/organization/audit-logs", Query: query}
	got, err := c.ask(ctx, s, call, &out)
	switch {
	case err != nil:
		return nil, err
	case got.Status != http.StatusOK:
		return nil, refused(opAudit, got.Status, out.problem)
	case out.Logs == nil:
		return nil, fault.New(opAudit, fault.Garbled, "the answer holds no list of entries")
	}
	return *out.Logs, nil
}

// identity is whose token this is, by its own claims; "" where it has none.
func (s *session) identity() string {
	parts := strings.Split(s.token.Reveal(), ".")
	const whole = 3 // head, claims, signature
	if len(parts) != whole {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Identity string `json:"identityId"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || !idForm.MatchString(claims.Identity) {
		return ""
	}
	return claims.Identity
}
