package chat

import (
	"context"
	"fmt"
	"strings"

	"rekey/internal/finding"
)

// Signers are the people who may sign statements on the command line, as the
// configuration names them. They are looked at here, while Slack can be asked.
type Signers struct {
	Team  string   // id of their workspace
	Users []string // their ids
}

// signers says which of them are not who they are taken for without Slack: people
// who are no full members, and ids under which Slack does not name a person. Such
// a person would be another one here and there, and could approve what they asked
// for.
func (e *examiner) signers(ctx context.Context, team string) []finding.Finding {
	s := e.config.Signers
	if len(s.Users) == 0 {
		return nil
	}
	const looked = "People of the command line"
	if s.Team != team {
		return []finding.Finding{finding.Bad(looked, "Rekey is in workspace "+team+", and command_line.workspace is "+s.Team+": nobody's statement counts.", "Write command_line.workspace: "+team+".")}
	}
	_, not, err := e.able(ctx, s.Users[:min(len(s.Users), mostLookedUp)])
	if err != nil {
		return []finding.Finding{e.failed(looked, err)}
	}
	var all []finding.Finding
	if len(not) > 0 {
		all = append(all, finding.Bad(looked, strings.TrimSpace("Some are no full members of the workspace."+excluded(not)), "Take them out of the allowed signers."))
	}
	for _, id := range s.Users {
		if k, asked := e.seen[id]; asked && k.member && k.person.ID != team+"/"+id {
			all = append(all, finding.Bad(looked, fmt.Sprintf("%s is %s in Slack: as two people they could approve what they asked for.", id, strings.TrimPrefix(k.person.ID, team+"/")), "Write the id that Slack names into command_line.people."))
		}
	}
	if len(all) == 0 {
		all = append(all, finding.Good(looked, fmt.Sprintf("%d are full members, under the ids that Slack names.", len(s.Users))))
	}
	return all
}
