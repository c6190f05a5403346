package slack

import "time"

// reactionEventLocked tells the app of an emoji, if it may see the message.
// https://docs.slack.dev/reference/events/reaction_added
func (s *Server) reactionEventLocked(kind string, m Message, user, name string) {
	if !s.channels[m.Channel].BotIn || s.scopeLocked("reactions:read") != nil {
		return
	}
	s.queueLocked(fields{
		"type": kind, "user": user, "reaction": name, "item_user": m.User,
		"item":     fields{"type": "message", "channel": m.Channel, "ts": m.TS},
		"event_ts": s.nextTSLocked(),
	}, s.channels[m.Channel].ExtShared)
}

// SendEvent delivers any inner event, such as channel_archive or one that no
// client knows. The app must be subscribed to what is sent; that is not checked.
func (s *Server) SendEvent(inner map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	channel, _ := inner["channel"].(string)
	s.queueLocked(inner, s.channels[channel].ExtShared)
}

// queueLocked puts an event in line for its first delivery. A full line counts
// as lost: nobody has taken an event for a long time then.
func (s *Server) queueLocked(inner map[string]any, extShared bool) {
	e := envelope{kind: kindEvent, id: newID(), payload: fields{
		"token": "sandbox", "team_id": s.cfg.TeamID, "api_app_id": s.cfg.AppID,
		"event": inner, "type": "event_callback", "event_id": "Ev" + newID(), "event_time": time.Now().Unix(),
		"authorizations": []fields{{
			"enterprise_id": nil, "team_id": s.cfg.TeamID, "user_id": s.cfg.BotUser,
			"is_bot": true, "is_enterprise_install": false,
		}},
		"is_ext_shared_channel": extShared, "event_context": "4-" + newID(),
		"context_team_id": s.cfg.TeamID, "context_enterprise_id": nil,
	}}
	select {
	case s.events <- e:
	default:
		s.stats.Lost++
		s.noteLocked(Change{Kind: GaveUp})
	}
}

// sendEvents delivers events for the first time in the order in which they
// happened, and leaves the rest of each one's life to a goroutine of its own.
func (s *Server) sendEvents() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case e := <-s.events:
			how := s.disturbance(kindEvent)
			if how == Reorder {
				s.spawn(func() {
					s.waitToBeOvertaken(s.ctx)
					d, err := s.send(e, 0, how)
					s.follow(e, d, err, how)
				})
				continue
			}
			d, err := s.send(e, 0, how)
			s.spawn(func() { s.follow(e, d, err, how) })
		}
	}
}

// follow waits for an event's acknowledgement and delivers it again as often as
// Slack does. https://docs.slack.dev/apis/events-api/#retries
func (s *Server) follow(e envelope, d *delivery, err error, how How) {
	for attempt := 1; ; attempt++ {
		if err == nil {
			_, err = s.await(s.ctx, d)
		}
		again := err == nil && how == Redeliver // although it was acknowledged
		if s.ctx.Err() != nil || err == nil && !again {
			return
		}
		if !again && (!s.mayRetry(attempt) || !s.pause(s.lim.Retries[attempt-1])) {
			return
		}
		s.mu.Lock()
		s.stats.Retried++
		s.mu.Unlock()
		how = s.disturbance(kindEvent)
		d, err = s.send(e, attempt, how)
	}
}

// mayRetry counts a delivery that failed and, if no attempt is left, the event
// as lost.
func (s *Server) mayRetry(attempt int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Unacked++
	if attempt <= len(s.lim.Retries) {
		s.wakeLocked()
		return true
	}
	s.stats.Lost++
	s.noteLocked(Change{Kind: GaveUp})
	return false
}
