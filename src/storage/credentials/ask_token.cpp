#include "ask_token.h"

#include "flat_json.h"
#include "storage/refusal.h"

namespace isobar::storage {

void ask_token(net::HttpTransport& transport, const Clock& clock, net::HttpRequest request, const std::string& doing,
               const Done<TokenAnswer>& done) {
  request.body_bytes_max = 1 << 20;
  transport.start(std::move(request), [&clock, doing, done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error().context(doing));
    if (response->ok()) return done(parse_token(response->body, clock.now()).context(doing));
    Refusal refusal{response->status, "", "", ""};
    if (const auto fields = FlatJson::parse(response->body); fields.ok()) refusal.code = fields->get("error");
    const Code code = response->status == 400 ? Code::kPermissionDenied : code_of_status(response->status);
    done(error_of(refusal, code, doing, retry_after_of(response->headers, clock.now())));
  });
}

}  // namespace isobar::storage
