package rotation

// An emergency of one environment's own credential may be called while that of the
// other is under way. Two at once would disturb one another, so it waits: as a
// batch with one member, which goes on by itself, on any replica, and is seen.

// Covers reports that an emergency replaces the credential of an environment; ""
// is production, which every one is about unless it is about staging alone.
func (r *Rotation) Covers(env string) bool {
	_, there := r.Places[orElse(env, Production)]
	return there
}

// behind reports that a member was refused because the emergency of the other
// environment is open.
func (m *Member) behind(refusal *Refusal) bool {
	if refusal == nil || refusal.Code != AlreadyRunning || refusal.Other == nil {
		return false
	}
	other := refusal.Other
	return other.Secret == m.Secret && other.Cell.Mode == Emergency && !other.Covers(m.Environment)
}

// meant are the members of an alarm, in their order.
func (e *Engine) meant(a Alarm) ([]Member, error) {
	if a.Secret != "" {
		s, err := e.subject(a.Secret)
		if err != nil {
			return nil, err
		}
		o := Order{Secret: s.Name, Environment: a.Environment}
		return []Member{{Secret: s.Name, Title: s.Title, Environment: a.Environment}}, o.named(s)
	}
	members := e.members(a.Tag)
	if len(members) == 0 {
		return nil, e.noMembers(a.Tag)
	}
	for i := range members {
		if m := &members[i]; a.Environment == Staging && !e.subjects[m.Secret].Shared {
			m.Environment = Staging
		}
	}
	return members, nil
}

// slot is what only one batch at a time may hold.
func (a Alarm) slot() string {
	switch {
	case a.Secret != "":
		return "batch/" + a.Secret + "/" + a.Environment
	case a.Environment == Staging:
		return "batch/" + orElse(a.Tag, "*") + "/" + Staging
	default:
		return "batch/" + orElse(a.Tag, "*")
	}
}
