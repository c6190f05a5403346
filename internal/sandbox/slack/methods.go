package slack

// method is one Web API method: which token it wants, which scope, how often it
// may be called, and what it does with the server locked.
type method struct {
	app   bool // wants the app-level token
	scope string
	rate  func(Limits) Rate
	run   func(*Server, call) (fields, error)
}

func tier2(l Limits) Rate   { return l.Tier2 }
func tier3(l Limits) Rate   { return l.Tier3 }
func tier4(l Limits) Rate   { return l.Tier4 }
func special(l Limits) Rate { return l.Special }

// methods with scope and tier as https://docs.slack.dev/reference/methods says.
// Methods on a conversation check the scope for its kind themselves.
var methods = map[string]method{
	"auth.test":                    {rate: special, run: (*Server).authTest},
	"apps.connections.open":        {app: true, rate: tier3, run: (*Server).openConnection},
	"chat.postMessage":             {scope: "chat:write", rate: special, run: (*Server).postMessage},
	"chat.update":                  {scope: "chat:write", rate: tier3, run: (*Server).update},
	"chat.delete":                  {scope: "chat:write", rate: tier3, run: (*Server).deleteMessage},
	"chat.postEphemeral":           {scope: "chat:write", rate: tier4, run: (*Server).postEphemeral},
	"chat.getPermalink":            {rate: special, run: (*Server).getPermalink},
	"reactions.add":                {scope: "reactions:write", rate: tier3, run: (*Server).reactionsAdd},
	"reactions.remove":             {scope: "reactions:write", rate: tier2, run: (*Server).reactionsRemove},
	"reactions.get":                {scope: "reactions:read", rate: tier3, run: (*Server).reactionsGet},
	"users.info":                   {scope: "users:read", rate: tier4, run: (*Server).usersInfo},
	"usergroups.users.list":        {scope: "usergroups:read", rate: tier2, run: (*Server).groupUsers},
	"files.getUploadURLExternal":   {scope: "files:write", rate: tier4, run: (*Server).uploadURL},
	"files.completeUploadExternal": {scope: "files:write", rate: tier4, run: (*Server).completeUpload},
	"views.open":                   {rate: tier4, run: (*Server).openView},
	"views.update":                 {rate: tier4, run: (*Server).updateView},
	"views.publish":                {rate: tier4, run: (*Server).publishView},
	"conversations.info":           {rate: tier3, run: (*Server).conversationsInfo},
	"conversations.history":        {rate: tier3, run: (*Server).history},
	"conversations.replies":        {rate: tier3, run: (*Server).replies},
}
