package chat

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
	"rekey/rotation"
)

// people knows who somebody is and what they may do. Standing is asked fresh
// for everything that is counted; a user group's members, and who types a
// command, may be as old as the configured cache. A list that cannot be read is an error, never an older list.
type people struct {
	api    *api
	config Config

	mu     sync.Mutex
	self   identity
	groups map[string]membership

	recents recents
}

type membership struct {
	users []string
	until time.Time
}

func newPeople(a *api, c Config) *people {
	return &people{api: a, config: c, groups: make(map[string]membership)}
}

// whoami asks once who we are, and remembers it: it does not change while a
// token is valid.
func (p *people) whoami(ctx context.Context) (identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.self.user != "" {
		return p.self, nil
	}
	self, err := p.api.identity(ctx)
	if err == nil {
		p.self = self
	}
	return self, err
}

// approvers are the people who may approve one secret.
func (p *people) approvers(secret string) People {
	if p.config.PerSecret != nil {
		if special := p.config.PerSecret(secret); !special.IsZero() {
			return special
		}
	}
	return p.config.Approvers
}

// incident is who is called in an emergency.
func (p *people) incident(secret string) render.Audience {
	if p.config.Incident.IsZero() {
		return p.approvers(secret).audience()
	}
	return p.config.Incident.audience()
}

// cried is who is called when a rotation begins as an emergency: nobody, where it
// is rehearsed and the configuration does not say otherwise.
func (p *people) cried(r *rotation.Rotation) render.Audience {
	if r.Drill && !p.config.Drills {
		return render.Audience{}
	}
	return p.incident(r.Secret)
}

// called is who is called to a rotation: the approvers, and in an emergency
// whoever is on duty.
func (p *people) called(r *rotation.Rotation) render.Audience {
	a := p.approvers(r.Secret).audience()
	if r.Cell.Mode != rotation.Emergency || p.config.Incident.IsZero() || r.Drill && !p.config.Drills {
		return a
	}
	more := p.config.Incident.audience()
	a.Users = append(slices.Clone(a.Users), more.Users...)
	a.Groups = append(slices.Clone(a.Groups), more.Group)
	return a
}

// starter: who may start, cancel and retry. Nobody named means every full member:
// starting can be undone, and ends nothing without an approval.
func (p *people) starter(ctx context.Context, ids []string) (bool, error) {
	if p.config.Starters.IsZero() {
		return true, nil
	}
	return p.among(ctx, p.config.Starters, ids)
}

// among reports whether one of a person's ids is listed or in the group.
func (p *people) among(ctx context.Context, list People, ids []string) (bool, error) {
	return p.roll().among(ctx, list, ids)
}

// roll calls people by their lists at one moment: each user group is asked for
// at most once, however many people are looked for.
func (p *people) roll() roll { return roll{p, make(map[string][]string)} }

type roll struct {
	people *people
	groups map[string][]string // members, by id of the group
}

func (r roll) among(ctx context.Context, list People, ids []string) (bool, error) {
	listed := func(members []string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return id != "" && slices.Contains(members, id) })
	}
	if listed(list.Users) {
		return true, nil
	}
	if list.Group == "" {
		return false, nil
	}
	members, asked := r.groups[list.Group]
	if !asked {
		var err error
		if members, err = r.people.members(ctx, list.Group); err != nil {
			return false, fmt.Errorf("reading the members of user group %s: %w", list.Group, err)
		}
		r.groups[list.Group] = members
	}
	return listed(members), nil
}

// members of a user group, at most as old as the cache allows.
func (p *people) members(ctx context.Context, group string) ([]string, error) {
	p.mu.Lock()
	known, ok := p.groups[group]
	p.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.users, nil
	}
	asked := time.Now()
	users, err := p.api.group(ctx, group)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[group] = membership{users: users, until: asked.Add(p.config.GroupCache)}
	return users, nil
}

// forget drops what is known of a user group: it has changed.
func (p *people) forget(group string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.groups, group)
}

// known is a person as users.info shows them now.
type known struct {
	person rotation.Person
	member bool
	why    string   // when not a member
	ids    []string // the local and, in an organisation, the global id
}

// look asks users.info. Somebody Slack does not know is nobody, not an error.
func (p *people) look(ctx context.Context, id string) (known, error) {
	self, err := p.whoami(ctx)
	if err != nil {
		return known{}, fmt.Errorf("asking who we are: %w", err)
	}
	u, err := p.api.user(ctx, id)
	if code := codeOf(err); code == "user_not_found" || code == "user_not_visible" || code == "users_not_found" {
		return known{person: rotation.Person{ID: "?/" + id}, why: "unknown"}, nil
	}
	if err != nil {
		return known{}, fmt.Errorf("asking who %s is: %w", id, err)
	}
	k := known{why: notMember(u, self), ids: []string{u.ID, u.Enterprise.ID}}
	k.member = k.why == ""
	team := self.team
	if !k.member && u.TeamID != "" {
		team = u.TeamID
	}
	k.person = rotation.Person{ID: team + "/" + u.ID, Name: u.Name}
	return k, nil
}

// notMember says why somebody is not a full member of our workspace, or "".
// There is no single flag for it
// (https://docs.slack.dev/reference/objects/user-object).
func notMember(u *slack.User, self identity) string {
	switch {
	case u.Deleted:
		return "deactivated"
	case u.IsBot, u.IsWorkflowBot, u.IsConnectorBot, u.ID == "USLACKBOT", u.ID == self.user:
		return "bot"
	case u.IsStranger:
		return "external"
	case u.IsRestricted, u.IsUltraRestricted:
		return "guest"
	case u.TeamID == self.team && u.TeamID != "":
		return ""
	case self.enterprise != "" && u.Enterprise.EnterpriseID == self.enterprise && slices.Contains(u.Enterprise.Teams, self.team):
		return ""
	default:
		return "external"
	}
}
