package slack

import "strings"

// The shapes below are Slack's, by the samples its Java SDK publishes:
// https://github.com/slackapi/java-slack-sdk/tree/main/json-logs/samples
// Members that an app of this kind has no use for are left out; none is added.

func (s *Server) shape(m Message) fields {
	out := fields{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS, "team": s.cfg.TeamID}
	if m.User == s.cfg.BotUser {
		out["bot_id"], out["app_id"] = s.cfg.BotID, s.cfg.AppID
	}
	if m.Thread != "" {
		out["thread_ts"], out["parent_user_id"] = m.Thread, s.cfg.BotUser
		if root, ok := s.findLocked(m.Channel, m.Thread); ok {
			out["parent_user_id"] = root.User
		}
	}
	if m.Blocks != nil {
		out["blocks"] = m.Blocks
	}
	if len(m.Files) > 0 {
		var files []fields
		for _, f := range m.Files {
			files = append(files, s.fileShape(f))
		}
		out["files"] = files
	}
	if m.Metadata != nil {
		out["metadata"] = m.Metadata
	}
	if m.Edits > 0 {
		out["edited"] = fields{"user": m.User, "ts": m.TS}
	}
	if len(m.Reactions) > 0 {
		out["reactions"] = reactionShapes(m.Reactions, false)
	}
	if n := len(thread(s.messages[m.Channel], m.TS)) - 1; n > 0 && m.To == "" {
		out["thread_ts"], out["reply_count"] = m.TS, n
	}
	return out
}

func userShape(u User) fields {
	out := fields{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"profile": fields{
			"real_name": u.RealName, "real_name_normalized": u.RealName,
			"display_name": u.Name, "display_name_normalized": u.Name, "team": u.TeamID,
		},
		"is_bot": u.Bot, "is_app_user": false, "updated": 1700000000,
	}
	if u.Deleted {
		return out // Slack tells no more about people who left
	}
	for name, v := range map[string]bool{
		"is_admin": u.Admin, "is_owner": false, "is_primary_owner": false,
		"is_restricted": u.Guest || u.SingleGuest, "is_ultra_restricted": u.SingleGuest,
	} {
		out[name] = v
	}
	for name, v := range map[string]bool{
		"is_stranger": u.Stranger, "is_workflow_bot": u.WorkflowBot, "is_connector_bot": u.Connector,
	} {
		if v {
			out[name] = v
		}
	}
	out["tz"], out["tz_label"], out["tz_offset"] = u.TZ, u.TZ, 3600
	if u.EnterpriseID != "" {
		out["enterprise_user"] = fields{
			"id": strings.Replace(u.ID, "U", "W", 1), "enterprise_id": u.EnterpriseID, "enterprise_name": "",
			"is_admin": false, "is_owner": false, "teams": u.Teams,
		}
	}
	return out
}

func (s *Server) channelShape(ch Channel) fields {
	empty := fields{"value": "", "creator": "", "last_set": 0}
	shared, pending := []string{}, []string{}
	if ch.Invited {
		pending = []string{"T0OUTSIDE"}
	}
	if ch.ExtShared {
		shared = []string{s.cfg.TeamID, "T0OUTSIDE"}
	}
	return fields{
		"id": ch.ID, "name": ch.Name, "name_normalized": ch.Name, "created": 1700000000, "creator": "USLACKBOT",
		"is_channel": !ch.Private && !ch.IM, "is_group": ch.Private, "is_im": ch.IM, "is_mpim": false,
		"is_private": ch.Private || ch.IM, "is_archived": ch.Archived, "is_general": false, "is_member": ch.BotIn,
		"is_shared": ch.ExtShared || ch.OrgShared, "is_ext_shared": ch.ExtShared, "is_org_shared": ch.OrgShared,
		"is_pending_ext_shared": ch.Invited, "pending_shared": pending, "connected_team_ids": shared,
		"is_read_only": ch.ReadOnly, "context_team_id": s.cfg.TeamID, "unlinked": 0,
		"topic": empty, "purpose": empty, "previous_names": []string{}, "num_members": len(s.users),
	}
}
