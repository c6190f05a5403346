package slack

import "regexp"

// emojiName is a name as the API takes it: no colons around, perhaps a skin tone.
var emojiName = regexp.MustCompile(`^[a-z0-9_+'-]+(::skin-tone-[2-6])?$`)

// shownWithoutFull is how many names per emoji reactions.get gives unless asked
// for all. Slack documents only that the list may be short then.
const shownWithoutFull = 1

// reactable finds the message a call names.
func (s *Server) reactable(c call) (Message, Channel, error) {
	ch, err := s.visible(c.Get("channel"))
	if err != nil {
		return Message{}, ch, err
	}
	if c.Get("timestamp") == "" {
		return Message{}, ch, refuse("no_item_specified")
	}
	m, ok := s.findLocked(ch.ID, c.Get("timestamp"))
	if !ok || !ch.BotIn {
		return m, ch, refuse("message_not_found")
	}
	return m, ch, nil
}

func (s *Server) reactionsAdd(c call) (fields, error) {
	m, err := s.reactTarget(c)
	if err != nil {
		return nil, err
	}
	return fields{}, s.reactLocked(m, s.cfg.BotUser, c.Get("name"))
}

func (s *Server) reactionsRemove(c call) (fields, error) {
	m, err := s.reactTarget(c)
	if err != nil {
		return nil, err
	}
	return fields{}, s.unreactLocked(m, s.cfg.BotUser, c.Get("name"))
}

func (s *Server) reactTarget(c call) (Message, error) {
	m, ch, err := s.reactable(c)
	switch {
	case err != nil:
		return m, err
	case ch.Archived:
		return m, refuse("is_archived")
	case !emojiName.MatchString(c.Get("name")):
		return m, refuse("invalid_name")
	}
	return m, nil
}

// reactLocked puts an emoji on a message and tells the app, which also hears of
// its own.
func (s *Server) reactLocked(m Message, user, name string) error {
	reactions, ok := m.withReaction(user, name)
	if !ok {
		return refuse("already_reacted")
	}
	m.Reactions = reactions
	s.replaceLocked(m, Reacted, Change{User: user, Reaction: name})
	s.reactionEventLocked("reaction_added", m, user, name)
	return nil
}

func (s *Server) unreactLocked(m Message, user, name string) error {
	reactions, ok := m.withoutReaction(user, name)
	if !ok {
		return refuse("no_reaction")
	}
	m.Reactions = reactions
	s.replaceLocked(m, Unreacted, Change{User: user, Reaction: name})
	s.reactionEventLocked("reaction_removed", m, user, name)
	return nil
}

func (s *Server) reactionsGet(c call) (fields, error) {
	m, ch, err := s.reactable(c)
	if err != nil {
		return nil, err
	}
	message := s.shape(m)
	message["permalink"] = s.permalink(m)
	if len(m.Reactions) > 0 {
		message["reactions"] = reactionShapes(m.Reactions, c.flag("full"))
	}
	return fields{"type": "message", "channel": ch.ID, "message": message}, nil
}

func reactionShapes(list []Reaction, full bool) []fields {
	out := make([]fields, 0, len(list))
	for _, r := range list {
		users := r.Users
		if !full {
			users = users[:min(len(users), shownWithoutFull)]
		}
		out = append(out, fields{"name": r.Name, "users": users, "count": len(r.Users)})
	}
	return out
}
