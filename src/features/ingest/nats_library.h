#pragma once

#include <nats/nats.h>

#include "base/result.h"

namespace isobar::features {

/// The functions of the NATS client that we call; the library is the system's, loaded when the first NATS source is read.
struct NatsLibrary {
  /// Errors   kUnavailable: it is not there; the message says how it is had
  static Result<const NatsLibrary*> load();

#define ISOBAR_NATS_FUNCTIONS(X)   \
  X(natsOptions_Create)            \
  X(natsOptions_Destroy)           \
  X(natsOptions_SetURL)            \
  X(natsOptions_SetAllowReconnect) \
  X(natsOptions_SetUserInfo)       \
  X(natsOptions_SetToken)          \
  X(natsConnection_Connect)        \
  X(natsConnection_Destroy)        \
  X(natsConnection_JetStream)      \
  X(jsCtx_Destroy)                 \
  X(jsSubOptions_Init)             \
  X(js_SubscribeSync)              \
  X(natsSubscription_Destroy)      \
  X(natsSubscription_NextMsg)      \
  X(natsMsg_GetMetaData)           \
  X(jsMsgMetaData_Destroy)         \
  X(natsMsg_GetData)               \
  X(natsMsg_GetDataLength)         \
  X(natsMsg_Destroy)               \
  X(natsStatus_GetText)

#define ISOBAR_NATS_MEMBER(name) decltype(&::name) name##_ = nullptr;
  ISOBAR_NATS_FUNCTIONS(ISOBAR_NATS_MEMBER)
#undef ISOBAR_NATS_MEMBER
};

}  // namespace isobar::features
