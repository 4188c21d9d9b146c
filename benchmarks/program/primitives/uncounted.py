"""Primitives that the table leaves out, by the reason: to the analysis they are unknown."""

from ..jaxpr import CALLS, names

#: Equations that hold programs; the walk and the counts treat each in its own way.
WITH_PROGRAMS = CALLS | names("cond custom_linear_solve reduce reduce_window scan while")

#: Names by the reason why nothing is said of them.
UNCOUNTED = {
    "they run code that JAX does not see": names(
        "buffer_callback call_exported core_map cudnn_fusion custom_partitioning ffi_call "
        "inspect_sharding io_callback mpmd_map pure_callback"
    ),
    "they read or write memory in place": names(
        "accum_grad_in_ref addupdate box_get box_set empty_ref free_ref freeze get new_box new_ref "
        "run_state swap"
    ),
    "generators of random bits that no key of JAX uses by default": names(
        "iota_2x32_shape philox2x32 philox4x32 random_gamma rng_bit_generator rng_uniform "
        "threefry4x32"
    ),
    "parts of a collective, which say nothing without the others": names(
        "all_gather_done all_gather_reduced all_gather_reduced_start all_gather_start "
        "all_to_all_done all_to_all_start pbroadcast_done pbroadcast_dynamic pbroadcast_start "
        "ppermute_done ppermute_start precv preduced psend psum_done psum_invariant_start "
        "psum_start ragged_all_to_all reduce_scatter_done reduce_scatter_start reduced_vary_cast "
        "reduced_vary_cast_p relayout unreduced_pmax unreduced_pmin unreduced_psum "
        "unreduced_psum_start unreduced_reduce_scatter unreduced_reduce_scatter_start "
        "vary_unreduced_cast vary_unreduced_cast_p"
    ),
    "products with sparse arrays, and what they are stored as": names(
        "bcoo_dot_general bcoo_dot_general_sampled bcoo_extract bcoo_fromdense bcoo_sort_indices "
        "bcoo_spdot_general bcoo_sum_duplicates bcoo_todense bcoo_transpose bcsr_dot_general "
        "bcsr_extract bcsr_fromdense bcsr_todense coo_fromdense coo_matmat coo_matvec coo_spmm "
        "coo_spmv coo_todense csr_fromdense csr_matmat csr_matvec csr_spmm csr_spmv csr_todense "
        "spsolve todense"
    ),
    "they say which device or process holds an array": names(
        "global_array_to_host_local_array host_local_array_to_global_array"
    ),
    "kernels of one accelerator": names(
        "dot_product_attention_bwd dot_product_attention_bwd_wrapper dot_product_attention_fp8_bwd "
        "dot_product_attention_fp8_bwd_wrapper dot_product_attention_fp8_fwd "
        "dot_product_attention_fp8_fwd_wrapper dot_product_attention_fwd "
        "dot_product_attention_fwd_wrapper mosaic_gpu_p pallas_call rnn_bwd rnn_fwd "
        "scaled_dot scaled_matmul scaled_matmul_wrapper tpu_custom_call"
    ),
    "rare operations that nobody has counted yet": names(
        "cholesky_update ormqr ragged_dot_general select_and_scatter symmetric_product"
    ),
    "marks that a transformation leaves behind, gone from a finished program": names(
        "CustomJVPTraced CustomVJPTraced Einsum OptRemat PrimalLeftTangentRight RematTraced "
        "assert_consumed_value call_hi_primitive call_hi_primitive_linearized check consume "
        "create_linear custom_jvp_call_jaxpr "
        "dce_sink dim_as_value dimension_size from_edtype linear_call log_extend log_read new_log "
        "remat_opt shape_assertion stage to_edtype unreachable"
    ),
}
