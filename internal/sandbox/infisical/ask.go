package infisical

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"rekey/internal/sandbox/wire"
)

// dialect is one of the two route families for secrets.
type dialect struct {
	base string
	four bool // v4; else v3
}

// ask is a request about secrets, understood and allowed into its project.
type ask struct {
	dialect
	who   *identity
	name  string
	at    Place
	query url.Values
	body  body
	raw   *http.Request
}

// body is what writes send; both dialects, single and batch.
type body struct {
	ProjectID      string      `json:"projectId"`
	WorkspaceID    string      `json:"workspaceId"`
	Environment    string      `json:"environment"`
	SecretPath     string      `json:"secretPath"`
	Type           string      `json:"type"`
	SecretValue    *string     `json:"secretValue"`
	SecretComment  *string     `json:"secretComment"`
	SecretMetadata *[]Metadata `json:"secretMetadata"`
	NewSecretName  string      `json:"newSecretName"`
	Mode           string      `json:"mode"`
	Secrets        []item      `json:"secrets"`
}

// item is one secret of a batch.
type item struct {
	SecretKey      string      `json:"secretKey"`
	SecretValue    *string     `json:"secretValue"`
	SecretPath     string      `json:"secretPath"`
	SecretComment  *string     `json:"secretComment"`
	SecretMetadata *[]Metadata `json:"secretMetadata"`
}

// secured lets a request through that bears a live token, is well-formed, and
// comes from a member of its project.
func (s *Server) secured(d dialect, h func(ask) (any, *refusal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, no := s.understood(d, r, h)
		if no != nil {
			no.send(w)
			return
		}
		sendTagged(w, r, answer)
	})
}

func (s *Server) understood(d dialect, r *http.Request, h func(ask) (any, *refusal)) (any, *refusal) {
	who, no := s.bearer(r.Header.Get("Authorization"))
	if no != nil {
		return nil, no
	}
	a := ask{dialect: d, who: who, name: r.PathValue("name"), query: r.URL.Query(), raw: r}
	if r.Method != http.MethodGet {
		if err := wire.ReadJSON(r, &a.body); err != nil {
			return nil, badJSON()
		}
	}
	if no := a.locate(s); no != nil {
		return nil, no
	}
	if no := s.admit(who, a.at.Project); no != nil {
		return nil, no
	}
	answer, no := h(a)
	if no == nil {
		s.noted(a)
	}
	return answer, no
}

// locate finds out which folder the request means; reads say it in the query,
// writes in the body.
func (a *ask) locate(s *Server) *refusal {
	project, environment, path := a.body.WorkspaceID, a.body.Environment, a.body.SecretPath
	field := "workspaceId"
	if a.four {
		project, field = a.body.ProjectID, "projectId"
	}
	if a.raw.Method == http.MethodGet {
		project, environment, path = a.query.Get(field), a.query.Get("environment"), a.query.Get("secretPath")
	}
	if slug := a.query.Get("workspaceSlug"); project == "" && slug != "" && !a.four {
		project = s.slugged(slug)
	}
	var issues []issue
	if project == "" {
		issues = append(issues, missing(field))
	}
	if environment == "" {
		issues = append(issues, missing("environment"))
	}
	if len(issues) > 0 {
		return invalid(issues...)
	}
	a.at = Place{project, environment, path}.clean()
	return nil
}

func (s *Server) slugged(slug string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		if p.slug == slug {
			return p.id
		}
	}
	return slug
}

func (s *Server) admit(who *identity, id string) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.projects[id] == nil {
		return notFound("NotFound", "Project with ID '%s' not found during bot lookup. Are you sure you are using the correct project ID?", id)
	}
	if !who.member(id) {
		return notMember(id)
	}
	return nil
}

func notMember(id string) *refusal {
	return &refusal{
		status: http.StatusForbidden, word: "ProjectMembershipNotFound",
		message: "You are not a member of this project with ID " + id +
			". Please assign this identity to the project with the appropriate permissions, then try again.",
	}
}

// allowed refuses what the identity has no right to at this place.
func (a ask) allowed(r Right, at Place) *refusal {
	if a.who.may(r, at) {
		return nil
	}
	return &refusal{
		status: http.StatusForbidden, word: "PermissionDenied",
		message: "You are not allowed to " + string(r) + " on secrets", details: a.who.rules(r, at.Project),
	}
}

// flag reads a query flag; only the spelling of the dialect counts, the other
// one is silently ignored.
func (a ask) flag(name string, fallback bool) bool {
	v, err := strconv.ParseBool(a.query.Get(name))
	if err != nil {
		return fallback
	}
	return v
}

func (a ask) imports() bool {
	if a.four {
		return a.flag("includeImports", true)
	}
	return a.flag("include_imports", false)
}

func (a ask) expand() bool { return a.flag("expandSecretReferences", a.four) }

func (a ask) view() bool { return a.flag("viewSecretValue", true) }

// sendTagged answers; list answers bear an ETag and honour If-None-Match.
func sendTagged(w http.ResponseWriter, r *http.Request, answer any) {
	if _, list := answer.(listing); list {
		data, err := json.Marshal(answer)
		if err == nil {
			tag := etag(data)
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
	}
	wire.JSON(w, http.StatusOK, answer)
}
