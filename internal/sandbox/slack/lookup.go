package slack

import (
	"slices"
	"strconv"
)

func (s *Server) authTest(call) (fields, error) {
	return fields{
		"url":  "https://" + s.cfg.TeamDomain + ".slack.com/",
		"team": s.cfg.TeamDomain, "team_id": s.cfg.TeamID,
		"user": s.cfg.BotName, "user_id": s.cfg.BotUser, "bot_id": s.cfg.BotID,
		"is_enterprise_install": false,
	}, nil
}

func (s *Server) usersInfo(c call) (fields, error) {
	u, ok := s.users[c.Get("user")]
	if !ok {
		return nil, refuse("user_not_found")
	}
	return fields{"user": userShape(u)}, nil
}

func (s *Server) groupUsers(c call) (fields, error) {
	g, ok := s.groups[c.Get("usergroup")]
	if !ok {
		return nil, refuse("no_such_subteam")
	}
	users := []string{}
	for _, id := range g.Users {
		if !s.users[id].Deleted { // deactivating a person takes them out of groups
			users = append(users, id)
		}
	}
	return fields{"users": users}, nil
}

func (s *Server) conversationsInfo(c call) (fields, error) {
	ch, err := s.readable(c, "read")
	if err != nil {
		return nil, err
	}
	return fields{"channel": s.channelShape(ch)}, nil
}

// readable finds a conversation and checks the scope for its kind:
// channels:<what> for public ones, groups:<what> for private ones.
func (s *Server) readable(c call, what string) (Channel, error) {
	ch, err := s.visible(c.Get("channel"))
	if err != nil {
		return ch, err
	}
	switch {
	case ch.IM:
		return ch, s.scopeLocked("im:" + what)
	case ch.Private:
		return ch, s.scopeLocked("groups:" + what)
	}
	return ch, s.scopeLocked("channels:" + what)
}

// history gives roots and broadcast replies, newest first.
func (s *Server) history(c call) (fields, error) {
	ch, err := s.readHistory(c)
	if err != nil {
		return nil, err
	}
	var list []Message
	for _, m := range slices.Backward(s.messages[ch.ID]) {
		if m.Thread == "" || m.Broadcast {
			list = append(list, m)
		}
	}
	return s.page(c, list)
}

// replies gives a root and its replies, oldest first.
func (s *Server) replies(c call) (fields, error) {
	ch, err := s.readHistory(c)
	if err != nil {
		return nil, err
	}
	list := thread(s.messages[ch.ID], c.Get("ts"))
	if len(list) == 0 {
		return nil, refuse("thread_not_found")
	}
	return s.page(c, list)
}

func (s *Server) readHistory(c call) (Channel, error) {
	ch, err := s.readable(c, "history")
	if err == nil && !ch.BotIn {
		err = refuse("not_in_channel")
	}
	return ch, err
}

// page cuts a list by oldest, latest, cursor and limit. The cursor is the
// position to go on from.
func (s *Server) page(c call, list []Message) (fields, error) {
	list = slices.DeleteFunc(list, func(m Message) bool { return !within(c, m.TS) })
	start, limit := 0, 100
	for _, arg := range []struct {
		name string
		into *int
	}{{"cursor", &start}, {"limit", &limit}} {
		if v := c.Get(arg.name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return nil, refuse("invalid_" + arg.name)
			}
			*arg.into = n
		}
	}
	start = min(start, len(list))
	end := min(start+max(min(limit, 999), 1), len(list))
	messages := make([]fields, 0, end-start)
	for _, m := range list[start:end] {
		shape := s.shape(m)
		if !c.flag("include_all_metadata") {
			delete(shape, "metadata")
		}
		messages = append(messages, shape)
	}
	out := fields{"messages": messages, "has_more": end < len(list)}
	if end < len(list) {
		out["response_metadata"] = fields{"next_cursor": strconv.Itoa(end)}
	}
	return out, nil
}

// within holds a timestamp against oldest and latest, which are exclusive
// unless inclusive is set. Timestamps compare as text: they have one length.
func within(c call, ts string) bool {
	oldest, latest := c.Get("oldest"), c.Get("latest")
	if c.flag("inclusive") && (ts == oldest || ts == latest) {
		return true
	}
	return (oldest == "" || oldest == "0" || ts > oldest) && (latest == "" || ts < latest)
}
