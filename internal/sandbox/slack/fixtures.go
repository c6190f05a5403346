package slack

import (
	"maps"
	"slices"
)

// User is a member of the workspace, or somebody a shared channel brought in.
type User struct {
	ID       string
	Name     string
	RealName string // default Name
	TeamID   string // default the workspace; another one means an external person
	TZ       string // default "Europe/Berlin"

	Guest       bool // is_restricted
	SingleGuest bool // is_ultra_restricted: a guest of one channel
	Bot         bool
	Deleted     bool // deactivated
	Stranger    bool // seen through a shared channel only
	WorkflowBot bool
	Connector   bool // is_connector_bot
	Admin       bool

	EnterpriseID string   // sets enterprise_user
	Teams        []string // of the enterprise user
}

// Channel is a conversation.
type Channel struct {
	ID        string
	Name      string
	Private   bool
	IM        bool // a direct message with the app
	Archived  bool
	ExtShared bool // shared with another company
	Invited   bool // another company was asked to share it
	OrgShared bool // shared within an Enterprise organisation
	ReadOnly  bool // the app may not post: restricted_action
	BotIn     bool // the app was invited
}

// Group is a user group, such as @approvers.
type Group struct {
	ID    string
	Name  string
	Users []string
}

// AddUser adds or replaces a user.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.TeamID == "" {
		u.TeamID = s.cfg.TeamID
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.TZ == "" {
		u.TZ = "Europe/Berlin"
	}
	s.users[u.ID] = u
}

// AddChannel adds or replaces a channel; its messages stay.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[c.ID] = c
}

// AddGroup adds or replaces a user group.
func (s *Server) AddGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Users = slices.Clone(g.Users)
	s.groups[g.ID] = g
}

// ChangeUser lets fn change a user, as an administrator would. It reports
// whether there is one.
func (s *Server) ChangeUser(id string, fn func(*User)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return change(s.users, id, fn)
}

// ChangeChannel lets fn change a channel: archive it, share it, invite the app.
func (s *Server) ChangeChannel(id string, fn func(*Channel)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return change(s.channels, id, fn)
}

// ChangeGroup lets fn change a group. fn gets a copy of the member list.
func (s *Server) ChangeGroup(id string, fn func(*Group)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return change(s.groups, id, func(g *Group) {
		g.Users = slices.Clone(g.Users)
		fn(g)
	})
}

func change[V any](m map[string]V, id string, fn func(*V)) bool {
	v, ok := m[id]
	if ok {
		fn(&v)
		m[id] = v
	}
	return ok
}

// Users lists the users, sorted by id.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedValues(s.users)
}

// Channels lists the channels, sorted by id.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedValues(s.channels)
}

func sortedValues[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, id := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[id])
	}
	return out
}
