;; The sums of a forest's leaves, sixteen rows at a time. `forest.ts` lays out what is read here and
;; has the argument (Q1 to Q5 in README.md).
;;
;; A segment is up to 32 leaves of one tree. Its mask has one bit a leaf, all set at first. Each
;; node whose test is false takes the leaves of its true branch out; the lowest bit that is left is
;; the row's leaf. No jump depends on a row's values.
;;
;;   node     12 bytes: address of the feature's column, threshold (f32), leaves to take out (bits)
;;   segment  16 bytes: end of its nodes where NaN is false, end of those where NaN is true,
;;            address of its leaves' weights (f32), kind
;;   kind     0: the whole tree; 1: the first segment of a tree; 2: a later one
;;   column   16 x f32: one feature of the sixteen rows
(module
  (import "forest" "memory" (memory 1))

  ;; rows, row-major -> columns. The rows after the last one are whatever was there before.
  (func $transpose (param $rows i32) (param $width i32) (param $columns i32)
    (local $row i32) (local $from i32) (local $to i32) (local $end i32)
    (local.set $end (i32.add (local.get $columns) (i32.shl (local.get $width) (i32.const 6))))
    (local.set $from (local.get $rows))
    (loop $next_row
      (local.set $to (i32.add (local.get $columns) (i32.shl (local.get $row) (i32.const 2))))
      (loop $next_feature
        (f32.store (local.get $to) (f32.load (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 4)))
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (br_if $next_feature (i32.lt_u (local.get $to) (local.get $end))))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $next_row (i32.lt_u (local.get $row) (i32.const 16)))))

  ;; Adds to the sixteen sums the leaves that the masks name: in each, the lowest bit.
  (func $add_leaves (param $masks i32) (param $sums i32) (param $leaves i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $masks) (i32.const 64)))
    (loop $next
      (f32.store (local.get $sums)
        (f32.add
          (f32.load (local.get $sums))
          (f32.load (i32.add (local.get $leaves)
            (i32.shl (i32.ctz (i32.load (local.get $masks))) (i32.const 2))))))
      (local.set $masks (i32.add (local.get $masks) (i32.const 4)))
      (local.set $sums (i32.add (local.get $sums) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $masks) (local.get $end)))))

  ;; The same for a tree of several segments: each row takes its first leaf, and no other.
  (func $add_first_leaves
    (param $masks i32) (param $sums i32) (param $leaves i32) (param $waiting i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $masks) (i32.const 64)))
    (loop $next
      (if (i32.and
            (i32.ne (i32.load (local.get $masks)) (i32.const 0))
            (i32.load (local.get $waiting)))
        (then
          (i32.store (local.get $waiting) (i32.const 0))
          (f32.store (local.get $sums)
            (f32.add
              (f32.load (local.get $sums))
              (f32.load (i32.add (local.get $leaves)
                (i32.shl (i32.ctz (i32.load (local.get $masks))) (i32.const 2))))))))
      (local.set $masks (i32.add (local.get $masks) (i32.const 4)))
      (local.set $sums (i32.add (local.get $sums) (i32.const 4)))
      (local.set $waiting (i32.add (local.get $waiting) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $masks) (local.get $end)))))

  ;; $work: 64 bytes of masks, then 64 bytes of flags (1: the row's leaf was not met yet).
  (func $sum_block
    (param $segment i32) (param $segments_end i32) (param $node i32)
    (param $sums i32) (param $work i32)
    (local $end i32) (local $column i32) (local $kind i32)
    (local $threshold v128) (local $out v128)
    (local $m0 v128) (local $m1 v128) (local $m2 v128) (local $m3 v128)
    (loop $next_segment
      (local.set $m0 (v128.const i32x4 -1 -1 -1 -1))
      (local.set $m1 (v128.const i32x4 -1 -1 -1 -1))
      (local.set $m2 (v128.const i32x4 -1 -1 -1 -1))
      (local.set $m3 (v128.const i32x4 -1 -1 -1 -1))

      ;; x < threshold is false for NaN.
      (local.set $end (i32.load (local.get $segment)))
      (block $no_more
        (loop $next_node
          (br_if $no_more (i32.ge_u (local.get $node) (local.get $end)))
          (local.set $column (i32.load (local.get $node)))
          (local.set $threshold (v128.load32_splat offset=4 (local.get $node)))
          (local.set $out (v128.load32_splat offset=8 (local.get $node)))
          (local.set $m0 (v128.andnot (local.get $m0) (v128.andnot (local.get $out)
            (f32x4.lt (v128.load (local.get $column)) (local.get $threshold)))))
          (local.set $m1 (v128.andnot (local.get $m1) (v128.andnot (local.get $out)
            (f32x4.lt (v128.load offset=16 (local.get $column)) (local.get $threshold)))))
          (local.set $m2 (v128.andnot (local.get $m2) (v128.andnot (local.get $out)
            (f32x4.lt (v128.load offset=32 (local.get $column)) (local.get $threshold)))))
          (local.set $m3 (v128.andnot (local.get $m3) (v128.andnot (local.get $out)
            (f32x4.lt (v128.load offset=48 (local.get $column)) (local.get $threshold)))))
          (local.set $node (i32.add (local.get $node) (i32.const 12)))
          (br $next_node)))

      ;; x >= threshold is false for NaN too, so a NaN keeps the true branch.
      (local.set $end (i32.load offset=4 (local.get $segment)))
      (block $no_more
        (loop $next_node
          (br_if $no_more (i32.ge_u (local.get $node) (local.get $end)))
          (local.set $column (i32.load (local.get $node)))
          (local.set $threshold (v128.load32_splat offset=4 (local.get $node)))
          (local.set $out (v128.load32_splat offset=8 (local.get $node)))
          (local.set $m0 (v128.andnot (local.get $m0) (v128.and (local.get $out)
            (f32x4.ge (v128.load (local.get $column)) (local.get $threshold)))))
          (local.set $m1 (v128.andnot (local.get $m1) (v128.and (local.get $out)
            (f32x4.ge (v128.load offset=16 (local.get $column)) (local.get $threshold)))))
          (local.set $m2 (v128.andnot (local.get $m2) (v128.and (local.get $out)
            (f32x4.ge (v128.load offset=32 (local.get $column)) (local.get $threshold)))))
          (local.set $m3 (v128.andnot (local.get $m3) (v128.and (local.get $out)
            (f32x4.ge (v128.load offset=48 (local.get $column)) (local.get $threshold)))))
          (local.set $node (i32.add (local.get $node) (i32.const 12)))
          (br $next_node)))

      (v128.store (local.get $work) (local.get $m0))
      (v128.store offset=16 (local.get $work) (local.get $m1))
      (v128.store offset=32 (local.get $work) (local.get $m2))
      (v128.store offset=48 (local.get $work) (local.get $m3))
      (local.set $kind (i32.load offset=12 (local.get $segment)))
      (if (i32.eqz (local.get $kind))
        (then
          (call $add_leaves
            (local.get $work) (local.get $sums) (i32.load offset=8 (local.get $segment))))
        (else
          (if (i32.eq (local.get $kind) (i32.const 1))
            (then
              (v128.store offset=64 (local.get $work) (v128.const i32x4 1 1 1 1))
              (v128.store offset=80 (local.get $work) (v128.const i32x4 1 1 1 1))
              (v128.store offset=96 (local.get $work) (v128.const i32x4 1 1 1 1))
              (v128.store offset=112 (local.get $work) (v128.const i32x4 1 1 1 1))))
          (call $add_first_leaves
            (local.get $work) (local.get $sums) (i32.load offset=8 (local.get $segment))
            (i32.add (local.get $work) (i32.const 64)))))
      (local.set $segment (i32.add (local.get $segment) (i32.const 16)))
      (br_if $next_segment (i32.lt_u (local.get $segment) (local.get $segments_end)))))

  ;; sums[i] = the leaves of row i, added in the order of the trees. Both have room for a multiple
  ;; of sixteen rows.
  (func (export "sum")
    (param $rows i32) (param $count i32) (param $width i32)
    (param $segments i32) (param $segments_end i32) (param $nodes i32)
    (param $columns i32) (param $work i32) (param $sums i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $rows)
      (i32.shl (i32.mul (local.get $count) (local.get $width)) (i32.const 2))))
    (loop $next_block
      (call $transpose (local.get $rows) (local.get $width) (local.get $columns))
      (v128.store (local.get $sums) (v128.const i32x4 0 0 0 0))
      (v128.store offset=16 (local.get $sums) (v128.const i32x4 0 0 0 0))
      (v128.store offset=32 (local.get $sums) (v128.const i32x4 0 0 0 0))
      (v128.store offset=48 (local.get $sums) (v128.const i32x4 0 0 0 0))
      (call $sum_block
        (local.get $segments) (local.get $segments_end) (local.get $nodes)
        (local.get $sums) (local.get $work))
      (local.set $rows (i32.add (local.get $rows) (i32.shl (local.get $width) (i32.const 6))))
      (local.set $sums (i32.add (local.get $sums) (i32.const 64)))
      (br_if $next_block (i32.lt_u (local.get $rows) (local.get $end))))))
