package r2

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*accessKey)(nil)

// The places where Cloudflare notes uses
// (https://developers.cloudflare.com/fundamentals/account/account-security/audit-logs,
// https://developers.cloudflare.com/r2/platform/audit-logs).
var (
	accountLog = trail.Source{
		Name: "audit log of the Cloudflare account", Tells: "who made, changed and deleted tokens, and what this token did at the API, with address and agent, for 18 months",
	}
	objectReads = trail.Source{
		Name: "objects in R2", Blind: "R2 keeps no log of who read, wrote or listed objects, for no key: what was taken cannot be told from here",
	}
)

// kept is how far back the account's log reaches.
const kept = 18 * 30 * 24 * time.Hour

// Sources are the account's log and the one that does not exist.
func (k *accessKey) Sources() []trail.Source { return []trail.Source{accountLog, objectReads} }

// logged is an entry of the account's audit log, version 2.
type logged struct {
	Action struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Result string `json:"result"`
	} `json:"action"`
	Actor struct {
		Context string `json:"context"`
		Email   string `json:"email"`
		IP      string `json:"ip_address"`
		Token   string `json:"token_id"`
		Name    string `json:"token_name"`
		Type    string `json:"type"`
	} `json:"actor"`
	Raw struct {
		Method string `json:"method"`
		URI    string `json:"uri"`
		Status int    `json:"status_code"`
		Agent  string `json:"user_agent"`
	} `json:"raw"`
	Resource struct {
		ID      string `json:"id"`
		Product string `json:"product"`
		Type    string `json:"type"`
	} `json:"resource"`
}

// tokenPath is that of tokens, the account's and a person's.
var tokenPath = regexp.MustCompile(`/tokens(/|$|\?)`)

// about says why an entry belongs to the audit of a token; "" when it does not.
// What is done to other tokens does: who holds a key that is about to die makes
// another one.
func (l logged) about(id providers.ID) string {
	switch {
	case l.Actor.Token == string(id):
		return "done with this token"
	case l.Resource.ID == string(id), strings.Contains(l.Raw.URI, string(id)):
		return "done to this token"
	case tokenPath.MatchString(l.Raw.URI), strings.Contains(l.Resource.Type, "token"):
		return "done to another token"
	default:
		return ""
	}
}

func (l logged) said(about string, admin providers.ID) trail.Said {
	path, _, _ := strings.Cut(l.Raw.URI, "?")
	what := fmt.Sprintf("%s: %s %s", about, l.Action.Type, l.Action.Result)
	if l.Raw.Method != "" {
		what += fmt.Sprintf(" (%s %s %d)", l.Raw.Method, path, l.Raw.Status)
	}
	who := l.Actor.Email
	if l.Actor.Token != "" {
		who = strings.TrimSpace(who + " token " + l.Actor.Name + " " + l.Actor.Token)
	}
	if who == "" {
		who = strings.TrimSpace(l.Actor.Type + " " + l.Actor.Context)
	}
	return trail.Said{What: what, From: l.Actor.IP, Agent: l.Raw.Agent, Who: who, Own: l.Actor.Token == string(admin)}
}

// Uses reads the account's log from its newest entry on.
func (k *accessKey) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "reading the audit log of the Cloudflare account"
	if !idForm.MatchString(string(id)) {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a token's id"}
	}
	g, blind := trail.NewGather(over), trail.None(objectReads, "Cannot audit: "+objectReads.Blind+".")
	told := func(c trail.Completeness, why string) []trail.Trail {
		return []trail.Trail{g.Trail(accountLog, c, why), blind}
	}
	cursor, seen, reached := "", map[string]bool{}, over.To
	for range maxPages {
		page, next, err := k.p.entries(ctx, op, over, cursor)
		if err != nil && cursor == "" {
			return nil, err
		}
		if err != nil {
			return told(trail.Partial, "Cloudflare stopped answering; before "+stamp(reached)+" nothing was read."), err
		}
		for _, l := range page {
			when, err := time.Parse(time.RFC3339, l.Action.Time)
			if err != nil {
				return nil, fault.New(op, fault.Garbled, "an entry has no readable time")
			}
			reached = when
			if about := l.about(id); about != "" {
				g.Add(when, l.said(about, k.admin))
			}
		}
		switch {
		case next == "" && over.To.Sub(over.From) > kept:
			return told(trail.Partial, "Cloudflare keeps entries for 18 months."), nil
		case next == "":
			return told(trail.Complete, "It tells nothing of objects."), nil
		case seen[next]:
			return nil, fault.New(op, fault.Garbled, "the pages lead in a circle")
		}
		cursor, seen[next] = next, true
	}
	return told(trail.Partial, "There are more entries than can be read; before "+stamp(reached)+" nothing was."), nil
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// entries is one page, newest first. The SDK pages by cursors.after, the
// description of the parameter by cursor: both are taken.
func (p *Provider) entries(ctx context.Context, op string, over trail.Window, cursor string) ([]logged, string, error) {
	admin, err := p.admin(ctx)
	if err != nil {
		return nil, "", err
	}
	query := url.Values{
		"since": {stamp(over.From)}, "before": {stamp(over.To.Add(time.Second - 1))}, "direction": {"desc"}, "limit": {strconv.Itoa(entriesPage)},
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page struct {
		Success bool      `json:"success"`
		Result  *[]logged `json:"result"`
		Info    struct {
			Cursor  string `json:"cursor"`
			Cursors struct {
				After string `json:"after"`
			} `json:"cursors"`
		} `json:"result_info"`
	}
	call := rest.Call{Op: op, Method: http.MethodGet, Path: "/accounts/" + p.config.Account + "/logs/audit", Query: query, Sign: bearer(admin)}
	if _, err := p.api.Do(ctx, call, &page); err != nil {
		return nil, "", p.turnedDown(err)
	}
	if !page.Success || page.Result == nil {
		return nil, "", fault.New(op, fault.Garbled, "the answer claims no success")
	}
	next := page.Info.Cursors.After
	if next == "" {
		next = page.Info.Cursor
	}
	if len(*page.Result) == 0 {
		next = "" // a cursor after the last entry leads nowhere
	}
	return *page.Result, next, nil
}

// entriesPage is how many entries are asked for at once: entries hold whole
// requests, and an answer is bounded.
const entriesPage = 100
