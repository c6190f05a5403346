package helius

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// maxProjects bounds what one token may see.
const maxProjects = 100

// wireKey is a key as the portal shows it: its id is the key.
type wireKey struct {
	ID      secret.Value `json:"keyId"`
	Name    string       `json:"keyName"`
	Created string       `json:"createdAt"`
}

func (w wireKey) made() time.Time {
	at, _ := time.Parse(time.RFC3339, w.Created) // a time in another form only costs the age
	return at
}

// row is a key in its project.
type row struct {
	wireKey
	project string
}

type user struct {
	ID   string `json:"id"`
	Role string `json:"role"`
}

type project struct {
	ID    string `json:"id"`
	Users []user `json:"users"`
}

// authorized makes one call with the portal's token.
func (p *Provider) authorized(ctx context.Context, call rest.Call, out any) error {
	const op = "reading the portal's token of Helius"
	token, err := p.config.Token(ctx)
	if err != nil {
		cause := fault.Of(err)
		return &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	if token.IsZero() {
		return fault.New(op, fault.Ambiguous, "it is empty")
	}
	call.Sign = func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+token.Reveal()) }
	_, err = p.portal.Do(ctx, call, out)
	err = fault.Explained(err, "the portal's token was refused: sessions end soon. Sign in again and put the new token into its file, or leave it out, and people make the keys", fault.Unauthorized)
	return fault.Explained(err, "whoever signed in to the portal may not do this in the project; its owner may", fault.Forbidden)
}

// projects are all that the token sees.
func (p *Provider) projects(ctx context.Context, op string) ([]project, error) {
	var all []project
	if err := p.authorized(ctx, rest.Call{Op: op, Path: "/v0/projects"}, &all); err != nil {
		return nil, err
	}
	switch {
	case len(all) > maxProjects:
		return nil, fault.New(op, fault.TooLarge, "the token sees more projects than are looked at")
	case slices.ContainsFunc(all, func(p project) bool { return !projectForm.MatchString(p.ID) }):
		return nil, fault.New(op, fault.Garbled, "the answer is no list of projects with their ids")
	}
	return all, nil
}

// rows are the keys of all projects.
func (p *Provider) rows(ctx context.Context, op string) ([]row, error) {
	all, err := p.projects(ctx, op)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, own := range all {
		keys, err := p.rowsOf(ctx, op, own.ID)
		if err != nil {
			return nil, err
		}
		rows = append(rows, keys...)
	}
	return rows, nil
}

func (p *Provider) rowsOf(ctx context.Context, op, id string) ([]row, error) {
	var one struct {
		Keys *[]wireKey `json:"apiKeys"`
	}
	if err := p.authorized(ctx, rest.Call{Op: op, Path: "/v0/projects/" + url.PathEscape(id)}, &one); err != nil {
		return nil, err
	}
	if one.Keys == nil {
		return nil, fault.New(op, fault.Garbled, "the answer is no project with its keys")
	}
	var rows []row
	for _, k := range *one.Keys {
		if !keyForm.MatchString(k.ID.Reveal()) {
			return nil, fault.New(op, fault.Garbled, "a key of the list has not the form of one")
		}
		rows = append(rows, row{k, id})
	}
	return rows, nil
}

// listed is the kind with the portal's token: keys are made and found over its
// API, and deleted by people.
type listed struct {
	*keys
	place map[string]string // project by environment
	seen  []row             // as surveyed
}

var (
	_ providers.Kind         = (*listed)(nil)
	_ providers.PlacedIssuer = (*listed)(nil)
	_ providers.Recaller     = (*listed)(nil)
	_ providers.EndGuide     = (*listed)(nil)
	_ providers.Prober       = (*listed)(nil)
	_ providers.Tailer       = (*listed)(nil)
	_ providers.Disguiser    = (*listed)(nil)
)

// list finds every environment's key in the list, and holds its project against
// what is declared.
func (k *keys) list(ctx context.Context) (*listed, error) {
	token, err := k.p.config.Token(ctx)
	if err == nil {
		if env, same := k.equal(token); same {
			return nil, fault.New(opSurvey, fault.Managed, env+" runs on the very token Rekey signs in with")
		}
	}
	rows, err := k.p.rows(ctx, opSurvey)
	if err != nil {
		return nil, err
	}
	l := &listed{keys: k, place: make(map[string]string), seen: rows}
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		own := k.inUse[env].key
		at := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !r.ID.Equal(own) })
		want := k.p.config.Projects[env]
		switch {
		case len(at) != 1:
			return nil, fault.New(opSurvey, fault.NotFound, fmt.Sprintf("the key of %s, …%s, is %d times in the projects that the portal's token sees: it was deleted, or belongs to another account", env, own.Last4(), len(at)))
		case want != "" && at[0].project != want:
			return nil, fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("the key of %s, …%s, belongs to project %s, and the configuration names %s", env, own.Last4(), at[0].project, want))
		}
		l.place[env] = at[0].project
	}
	return l, nil
}

// Traits of a key that the portal makes.
func (k *listed) Traits() providers.Traits {
	t := k.traits(kindListed)
	t.Unnamed, t.Remember = true, unseen
	return t
}

const opIssue = "making a key at Helius"

// IssueIn makes a key in the project of the environment's present one. The
// portal takes no name.
func (k *listed) IssueIn(ctx context.Context, environment, _ string) (providers.Credential, error) {
	id, surveyed := k.place[environment]
	if !surveyed {
		return providers.Credential{}, fault.New(opIssue, fault.NotFound, "no key of "+environment+" was looked at")
	}
	owner, err := k.owner(ctx, id)
	if err != nil {
		return providers.Credential{}, err
	}
	var made wireKey
	err = k.p.authorized(ctx, rest.Call{
		Op: opIssue, Method: http.MethodPost, Path: "/v0/projects/" + url.PathEscape(id) + "/add-key", Write: true,
		OK: []int{http.StatusOK, http.StatusCreated}, Body: map[string]string{"userId": owner},
	}, &made)
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict), fault.Is(err, fault.Forbidden):
		f := *fault.Of(err)
		f.Detail = "the project's plan may have no room for a further key; where it has one only, say helius: {one_key: true}"
		return providers.Credential{}, &f
	case err != nil:
		return providers.Credential{}, err
	case !keyForm.MatchString(made.ID.Reveal()) || slices.ContainsFunc(k.seen, func(r row) bool { return r.ID.Equal(made.ID) }):
		return providers.Credential{}, &fault.Error{Op: opIssue, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer holds no new key"}
	}
	return k.credential(environment, made), nil
}

// owner is the project's user in whose name keys are made.
func (k *listed) owner(ctx context.Context, id string) (string, error) {
	all, err := k.p.projects(ctx, opIssue)
	if err != nil {
		return "", err
	}
	for _, p := range all {
		for _, u := range p.Users {
			if p.ID == id && strings.EqualFold(u.Role, "owner") && u.ID != "" {
				return u.ID, nil
			}
		}
	}
	return "", fault.New(opIssue, fault.NotFound, "project "+id+" has no owner that the token sees, and keys are made in an owner's name")
}

// credential describes a key of an environment with its values.
func (k *listed) credential(environment string, w wireKey) providers.Credential {
	c := k.described(w)
	c.Values = k.with(environment, w.ID)
	if c.Made.IsZero() {
		c.Made = time.Now().UTC()
	}
	return c
}

func (k *listed) described(w wireKey) providers.Credential {
	return providers.Credential{ID: k.p.config.Name(w.ID), Label: harmless(w.Name), Made: w.made()}
}

// List returns the keys of all projects, without their ids.
func (k *listed) List(ctx context.Context) ([]providers.Credential, error) {
	rows, err := k.p.rows(ctx, "listing keys at Helius")
	if err != nil {
		return nil, err
	}
	all := make([]providers.Credential, 0, len(rows))
	for _, r := range rows {
		all = append(all, k.described(r.wireKey))
	}
	return all, nil
}

// Recall returns what the environment's project has beside the known ones. The
// portal lists keys in clear.
func (k *listed) Recall(ctx context.Context, environment string, known []providers.ID) ([]providers.Credential, error) {
	const op = "looking for a key that was asked for at Helius"
	id, surveyed := k.place[environment]
	if !surveyed {
		return nil, fault.New(op, fault.NotFound, "no key of "+environment+" was looked at")
	}
	rows, err := k.p.rowsOf(ctx, op, id)
	if err != nil {
		return nil, err
	}
	var since []providers.Credential
	for _, r := range rows {
		if c := k.credential(environment, r.wireKey); !slices.Contains(known, c.ID) {
			since = append(since, c)
		}
	}
	return since, nil
}

// GuideEnd names the key as the dashboard shows it.
func (k *listed) GuideEnd(environment string, id providers.ID) (providers.Guidance, error) {
	described := "whose last four characters stand above"
	for _, r := range k.seen {
		if k.p.config.Name(r.ID) != id {
			continue
		}
		described = ending(r.ID)
		if name := harmless(r.Name); name != "" {
			described = "“" + name + "”, " + described
		}
		if day := date(r.made()); day != "" {
			described += ", made on " + day
		}
	}
	return k.farewell(environment, id, described)
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,64}$`)

// harmless makes a name that people gave fit for the thread: anything may have
// been pasted into it.
func harmless(name string) string {
	if !plainName.MatchString(name) || keyForm.MatchString(name) {
		return ""
	}
	return name
}
