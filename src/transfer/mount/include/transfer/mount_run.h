#pragma once

/// The far end of `mount_order.h`: what isobar-node does with it. Each is the main of a verb and returns its exit code.

namespace isobar::transfer {

/// Reads an order from standard input and sees to it that the mount is there when this returns; a keeper stays behind that outlives this
/// process. Asked again for what is mounted, it changes nothing, unless the credentials in use have expired: then they are replaced.
/// Says "ok"; or "no", and in the next line why: rclone or FUSE is missing, the store refuses, the destination is taken. Then nothing is
/// left.
int mount_what_is_ordered();

/// Waits until everything that was written to this node's mounts is in its bucket, as long as that goes forward.
/// Says "ok" at last; or "no", and in the next line what is left.
/// stall_seconds   how long nothing may go forward before this gives up; 0: only look
int flush_mounts(int stall_seconds);

/// The same at the end of a job, for people: says nothing when there is nothing to wait for.
int settle_mounts();

}  // namespace isobar::transfer
