package mem0

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
)

var (
	_ providers.Auditor = (*hosted)(nil)
	_ providers.Auditor = (*own)(nil)
)

// The places where Mem0 notes uses (docs/openapi.json,
// docs/migration/oss-to-platform.mdx and server/routers/requests.py of
// https://github.com/mem0ai/mem0).
var (
	projectEvents = trail.Source{
		Name: "events of the Mem0 project", Tells: "time and kind of what was added, searched and deleted in the whole project; never by which key or from where, and reading a list need not be there", Anyone: true,
	}
	enterpriseLog = trail.Source{
		Name: "audit log of Mem0", Blind: "it is for enterprises, and no API reads it",
	}
	lastRequest = trail.Source{
		Name: "last use of each key at the Mem0 server", Tells: "the time of the key's last request, ours among them; none of those before", Fades: true,
	}
	requestLog = trail.Source{
		Name: "log of requests at the Mem0 server", Blind: "it names neither key nor address, and shows administrators the last two hundred",
	}
)

// Sources are the project's events and the log that is not asked.
func (k *hosted) Sources() []trail.Source { return []trail.Source{projectEvents, enterpriseLog} }

// Uses reads the events of all projects in use, newest first. They are
// everybody's: that is told with them.
func (k *hosted) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "reading events at Mem0"
	if id == "" {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key"}
	}
	g := trail.NewGather(over)
	told := func(why string) []trail.Trail {
		return []trail.Trail{g.Trail(projectEvents, trail.Partial, why), trail.None(enterpriseLog, "It was not asked: "+enterpriseLog.Blind+".")}
	}
	var asked []place
	for _, env := range slices.Sorted(maps.Keys(k.places)) {
		if slices.Contains(asked, k.places[env]) {
			continue
		}
		whole, err := k.p.gather(ctx, op, k.inUse[env], over, g)
		switch {
		case err != nil && len(asked) == 0:
			return nil, err
		case err != nil:
			return told("Mem0 stopped answering; the events of " + k.places[env].String() + " were not read."), err
		case !whole:
			return told("There are more events than can be read; the oldest are missing."), nil
		}
		asked = append(asked, k.places[env])
	}
	return told("They do not tell by which key, so the application's own are among them; and that something was only read need not be there."), nil
}

// happened is an event of a project.
type happened struct {
	Type    string `json:"event_type"`
	Status  string `json:"status"`
	Created string `json:"created_at"`
}

// maxPages bounds a list that never ends.
const maxPages = 200

// gather reads a project's events until they are older than the window. whole
// is false where there are too many.
func (p *Provider) gather(ctx context.Context, op string, key secret.Value, over trail.Window, g *trail.Gather) (whole bool, err error) {
	query, seen := url.Values{}, map[string]bool{}
	for range maxPages {
		var page struct {
			Results *[]happened `json:"results"`
			Next    *string     `json:"next"`
		}
		if _, err := p.platform.Do(ctx, rest.Call{Op: op, Path: eventsPath, Query: query, Sign: token(key)}, &page); err != nil {
			return false, fault.Explained(err, "the events are read with the application's own key of the project, which was refused: it is dead, or may not read them", fault.Unauthorized, fault.Forbidden)
		}
		if page.Results == nil {
			return false, fault.New(op, fault.Garbled, "the answer has no member results")
		}
		older := true
		for _, e := range *page.Results {
			at, err := time.Parse(time.RFC3339, e.Created)
			if err != nil {
				return false, fault.New(op, fault.Garbled, "an event has no readable time")
			}
			older = older && at.Before(over.From)
			g.Add(at, trail.Said{What: strings.ToLower(e.Type + " " + e.Status)})
		}
		if page.Next == nil || *page.Next == "" || older {
			return true, nil
		}
		// Where it leads is the service's word: only what it asks for is taken.
		next, err := url.Parse(*page.Next)
		if err != nil || next.RawQuery == "" || seen[next.RawQuery] {
			return false, fault.New(op, fault.Garbled, "the way to the next page leads nowhere")
		}
		query, seen[next.RawQuery] = next.Query(), true
	}
	return false, nil
}

// eventsPath ends in a slash, as all of the platform's do.
const eventsPath = "/v1/events/"

// Sources are what the server notes of each key, and the log that is not
// asked.
func (k *own) Sources() []trail.Source { return []trail.Source{lastRequest, requestLog} }

// Uses reads when the key was used last. Before the window, it was not used
// within it.
func (k *own) Uses(ctx context.Context, id providers.ID, over trail.Window) ([]trail.Trail, error) {
	const op = "asking Mem0 for the uses of a key"
	if !idForm.MatchString(string(id)) {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	blind := trail.None(requestLog, "It was not asked: "+requestLog.Blind+".")
	all, err := k.refresh(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(w listed) bool { return w.ID == string(id) })
	if at < 0 {
		return []trail.Trail{trail.None(lastRequest, "The server no longer lists the key: it was revoked, and what was noted of it is gone."), blind}, nil
	}
	used, err := all[at].used()
	if err != nil {
		return nil, fault.New(op, fault.Garbled, "the time of the last request cannot be read")
	}
	g := trail.NewGather(over)
	if used.Before(over.From) {
		return []trail.Trail{g.Trail(lastRequest, trail.Complete, "It was not used since "+cmp.Or(stamped(used), "it was made")+"."), blind}, nil
	}
	g.AddMany(trail.Tally{First: used, Last: used}, trail.Said{What: "the last request"})
	return []trail.Trail{g.Trail(lastRequest, trail.Partial, fmt.Sprintf("Its last request was at %s, which may be a probe of ours; of those before nothing is known.", stamped(used))), blind}, nil
}

// stamped is a time for people; "" for none.
func stamped(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
